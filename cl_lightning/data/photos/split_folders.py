"""Finds the folders with training photos and with validation photos."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from cl_lightning.data.photos.natural import natural
from cl_lightning.data.photos.photo_formats import is_photo
from cl_lightning.data.photos.photo_tree import PhotoTree, is_there, left_out
from cl_lightning.data.photos.split_names import Parts, SeveralSetsError, first_named, named
from cl_lightning.files import printable


class Folders(NamedTuple):
    """The folder of each split (None: there is none), and notes for the start report."""

    train: Path
    val: Path | None
    test: Path | None = None
    notes: tuple[str, ...] = ()


def first_parts(root: Path) -> Folders:
    """The splits by rules 1 (runs from before a run stored its images): train/ and val/, or all of `root`."""
    train, val = root / "train", root / "val"
    if val.is_dir() and not train.is_dir():
        raise missing(train)
    return Folders(train if train.is_dir() else root, val if val.is_dir() else None)


def parts(root: Path, all_spellings: bool = True) -> Folders:
    """The splits of `root`: folders such as train/ and val/, Training/ and Validation/, or all of `root`.

    A folder with the name of a split is a class if three things are true: it holds photos itself, there are
    other folders of photos, and the other split's folder is missing. Other spellings, such as images_train/,
    count only if the other split's folder is there too, or there is no other folder.

    Args:
        root: the folder that holds the splits.
        all_spellings: whether to know all spellings (rules 3) or only those of rules 2.

    Raises:
        ValueError: there are several folders for one split, or none for training.
    """
    folders = sub_folders(root)
    found = _named(root, folders) if all_spellings else first_named(folders)
    if found is None:
        return Folders(root, None)
    for part, names in (("train", found.train), ("val", found.val)):
        if len(names) > 1:
            raise ambiguous(root, part, names)
    if found.train and found.train[0] in found.mixed:
        check_apart(root, found)
    of_parts = [*found.train, *found.val]
    others = [name for name in folders if name not in of_parts]
    if len(of_parts) == 1 and is_class(root, of_parts[0], {*others} - found.spelt):
        note = f"{printable(of_parts[0])}/ is a class: it holds photos itself, beside other folders of photos"
        return Folders(root, None, notes=(note,))
    if not found.train:
        raise only_validation(root / found.val[0])
    train, val, test = (root / names[0] if names else None for names in found[:3])
    assert train is not None, "refused above"
    unused = ", ".join(f"{printable(name)}/" for name in others)
    return Folders(train, val, test, (f"not used, beside {train.name}/: {unused}",) if others else ())


def _named(root: Path, folders: Sequence[str]) -> Parts | None:
    try:
        return named(folders)
    except SeveralSetsError as error:
        names = ", ".join(f"{printable(name)}/" for name in folders)
        raise ValueError(
            f"{printable(root)} has {names}, which by their names are splits of several data sets; accepted: "
            "the folders train/CLASS/ and val/CLASS/. Move the photos there, in data.root, "
            f"{printable(root)}."
        ) from error


def check_apart(root: Path, found: Parts) -> None:
    """Raises ValueError if the name of the training folder says that it holds the validation photos too."""
    tests = [os.path.realpath(root / name) for name in found.test]
    for name in found.val:
        if os.path.realpath(root / name) not in tests:
            one, other = f"{printable(found.train[0])}/", f"{printable(name)}/"
            raise ValueError(
                f"{printable(root)} has {one}, which by its name holds the photos of {other} too; accepted: "
                f"{one} alone, with a data.val_fraction: move {other} out of data.root; or, if {one} holds "
                f"none of them, rename {one} to train/"
            )


def sub_folders(root: Path) -> list[str]:
    """Names of the folders in `root` in natural order, without hidden folders and those of systems."""
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if is_there(entry.is_dir) and not left_out(entry.name)]
    return sorted(names, key=natural)


def is_class(root: Path, name: str, others: Collection[str]) -> bool:
    """Whether a folder holds photos itself, and one of the `others` holds photos too."""
    with os.scandir(root / name) as entries:
        if not any(is_photo(entry.name) for entry in entries):
            return False
    tree = PhotoTree(root)
    return any(next(tree.paths(other), None) for other in others)


def ambiguous(root: Path, part: str, found: Sequence[str]) -> ValueError:
    """The error for several folders that may be one split."""
    names = " and ".join(f"{printable(name)}/" for name in found)
    return ValueError(
        f"{printable(root)} has {names}, each of which may be the {part} split; accepted: one of them. Move "
        f"the others out of data.root, {printable(root)}."
    )


def only_validation(val: Path) -> ValueError:
    """The error for a validation folder without a training folder."""
    return ValueError(
        f"there is {printable(val)}, but no folder {printable(val.parent / 'train')}; accepted: both, with "
        f"photos to train on and to evaluate, or data.root={printable(val)} with a data.val_fraction of its "
        "photos to hold out."
    )


def missing(folder: Path) -> ValueError:
    """The error for a folder that does not exist."""
    return ValueError(
        f"there is no folder {printable(folder)}; accepted: a data.root that holds train/CLASS/*.jpg and "
        "val/CLASS/*.jpg, or photos in any folders with a data.val_fraction to hold out."
    )
