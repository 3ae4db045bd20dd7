"""Which split of a data set a folder is, by its name."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "eval", "evaluation"),
    "test": ("test", "testing"),
}
# Such as train2017, val_images, Test Set: the spellings of rules 2.
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
    """Names of folders for each split.

    Args:
        train, val, test: the folders of each split; several if it is not clear which one.
        mixed: folders whose name says both train and val.
        spelt: all folders with the name of a split, whether they are used as one or not.
    """

    train: list[str]
    val: list[str]
    test: list[str]
    mixed: list[str]
    spelt: set[str]


class SeveralSetsError(ValueError):
    """Folders that are splits of several data sets, such as cat_train, cat_val, dog_train, dog_val."""


def first_named(folders: Sequence[str]) -> Parts | None:
    """As `named`, with the spellings of rules 2."""
    exact = {part: _matching(folders, part, "(?:{})") for part in NAMES}
    like = {part: _matching(folders, part, FIRST_LIKE) for part in NAMES}
    if not (exact["train"] or exact["val"]) and not (like["train"] and (like["val"] or like["test"])):
        return None
    train, val, test = (exact[part] or like[part] for part in NAMES)
    return Parts(train, val, test, [], {*test})


def named(folders: Sequence[str]) -> Parts | None:
    """The folders for each split; None if all folders are classes.

    A split folder is named train, val or test. Other spellings, such as images_train, ValSet, train_val,
    test-2017, count if the other split is there too, or if there are no other folders. A folder with another
    word in its name is a class, unless all names have this word: cats_train, cats_val.

    Raises:
        SeveralSetsError: the folders are splits of several data sets.
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
    """The words that all names share, such as cats in cats_train, cats_val, cats_other; usually empty."""
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
    """The splits in a name, and its other words."""
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
