"""Which part of a data set a folder is by its name."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "eval", "evaluation"),
    "test": ("test", "testing"),
}
# Such as train2017, val_images, Test Set: what runs took for parts before they knew all spellings below.
FIRST_LIKE = r"(?:{})[ _-]*(?:\d+|set|split|data|images?|imgs?|photos?)"
WORDS = {name: part for part, names in NAMES.items() for name in names} | dict.fromkeys(
    ("dev", "development", "holdout", "validate"), "val"
)
BESIDE = (
    *("datasets", "dataset", "data", "set", "sets", "split", "part", "images", "image", "imgs", "img"),
    *("photos", "photo", "pictures", "pics", "files", "and"),
)
WORD = re.compile("|".join(sorted([*WORDS, *BESIDE], key=len, reverse=True)))
SEVERAL = re.compile(f"(?:{WORD.pattern})+")
LETTERS = ("x", "v")  # as in x_train, train_v2


class Parts(NamedTuple):
    """Names of folders for each part.

    Args:
        train, val, test: by their names; several, where it is not clear which.
        mixed: those to train on and to evaluate by.
        spelt: all that are named like a part, whether taken for one or not.
    """

    train: list[str]
    val: list[str]
    test: list[str]
    mixed: list[str]
    spelt: set[str]


class SeveralSetsError(ValueError):
    """Folders that are parts of several sets, such as cat_train, cat_val, dog_train, dog_val."""


def first_named(folders: Sequence[str]) -> Parts | None:
    """As `named`, as far as runs knew names that began before they knew all spellings."""
    exact = {part: _matching(folders, part, "(?:{})") for part in NAMES}
    like = {part: _matching(folders, part, FIRST_LIKE) for part in NAMES}
    if not (exact["train"] or exact["val"]) and not (like["train"] and (like["val"] or like["test"])):
        return None
    train, val, test = (exact[part] or like[part] for part in NAMES)
    return Parts(train, val, test, [], {*test})


def named(folders: Sequence[str]) -> Parts | None:
    """The folders for each part; None where all of them are classes.

    They are named train, val or test or, with a counterpart or alone, in some other spelling, such as
    images_train, ValSet, train_val, test-2017. Any other word makes a class of a folder, unless all have it:
    cats_train, cats_val.

    Raises:
        SeveralSetsError: see there.
    """
    exact, like = {part: _matching(folders, part, "(?:{})") for part in NAMES}, _like(folders)
    train = exact["train"] or like.train or like.mixed
    val, test = exact["val"] or like.val, exact["test"] or like.test
    alone = like.spelt.issuperset(folders) and (len(folders) == 1 or not train)
    if exact["train"] or exact["val"] or (train and (val or test or alone)) or (val and test and alone):
        return Parts(train, val, test, like.mixed, like.spelt)
    return None


def _like(folders: Sequence[str]) -> Parts:
    found = {name: _read(name) for name in folders}
    shared = _shared(found)
    spelt = {name: parts for name, (parts, rest) in found.items() if parts and rest == shared}
    train = [name for name, parts in spelt.items() if "train" in parts and "val" not in parts]
    mixed = [name for name, parts in spelt.items() if {"train", "val"} <= parts]
    val = [name for name, parts in spelt.items() if parts == {"val"}]
    test = [name for name in spelt if name not in (*train, *val, *mixed)]
    return Parts(train, val, test, mixed, {*spelt})


def _shared(found: Mapping[str, tuple[set[str], str]]) -> str:
    """What else all names say, such as cats in cats_train, cats_val, cats_other; mostly nothing."""
    rests: defaultdict[str, set[str]] = defaultdict(set)
    for parts, rest in found.values():
        if parts:
            rests[rest] |= parts
    sets = [rest for rest, parts in rests.items() if "train" in parts and len(parts) > 1]
    if "" in rests or not rests:
        return ""
    if len(sets) > 1 and len(sets) == len(rests) and all(parts for parts, _ in found.values()):
        raise SeveralSetsError
    (shared,) = sets if len(sets) == 1 else [""]
    return shared if all({*shared.split()} <= {*rest.split()} for _, rest in found.values()) else ""


def _read(name: str) -> tuple[set[str], str]:
    """The parts that a name speaks of, and what else it says."""
    parts, rest = set(), []
    for token in re.findall(r"[^\W\d_]+", name.casefold()):
        if SEVERAL.fullmatch(token):
            parts |= {WORDS[word] for word in WORD.findall(token) if word in WORDS}
        elif token not in LETTERS:
            rest.append(token)
    return parts, " ".join(rest)


def _matching(folders: Sequence[str], part: str, pattern: str) -> list[str]:
    wanted = re.compile(pattern.format("|".join(NAMES[part])))
    return [name for name in folders if wanted.fullmatch(name.casefold())]
