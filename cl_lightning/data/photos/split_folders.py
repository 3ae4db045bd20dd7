"""Which folder holds the photos to train on, and which those to evaluate."""

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
    """Where photos to train on and to evaluate lie (None: nowhere), and what else there is, in words."""

    train: Path
    val: Path | None
    test: Path | None = None
    told: tuple[str, ...] = ()


def first_parts(root: Path) -> Folders:
    """The parts of runs that began before a run stored its images: train/ and val/, or all."""
    train, val = root / "train", root / "val"
    if val.is_dir() and not train.is_dir():
        raise missing(train)
    return Folders(train if train.is_dir() else root, val if val.is_dir() else None)


def parts(root: Path, all_spellings: bool = True) -> Folders:
    """The parts of `root`: folders such as train/ and val/, Training/ and Validation/, or all of it.

    A folder so named that holds photos itself, beside other folders of photos and without its counterpart, is
    a class. Other spellings, such as images_train/, count where there is the counterpart, or nothing else.

    Args:
        root: holds them.
        all_spellings: which runs did not know that began before there were rules 3.

    Raises:
        ValueError: several folders for one part, or none to train on.
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
        told = f"{printable(of_parts[0])}/ is a class: it holds photos itself, beside other folders of photos"
        return Folders(root, None, told=(told,))
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
            f"{printable(root)} has {names}, parts of several sets by their names; accepted: the folders "
            f"train/CLASS/ and val/CLASS/. Move the photos there, in data.root, {printable(root)}."
        ) from error


def check_apart(root: Path, found: Parts) -> None:
    """Refuse photos to train on by whose name those to evaluate are among them."""
    tests = [os.path.realpath(root / name) for name in found.test]
    for name in found.val:
        if os.path.realpath(root / name) not in tests:
            one, other = f"{printable(found.train[0])}/", f"{printable(name)}/"
            raise ValueError(
                f"{printable(root)} has {one}, which by its name holds the photos of {other} too; accepted: "
                f"{one} alone, with a data.val_fraction: move {other} out of data.root; or, where it holds "
                f"none of them, the name train/ in the place of {one}"
            )


def sub_folders(root: Path) -> list[str]:
    """Names of the folders in `root`, hidden ones and those of systems left out, in natural order."""
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if is_there(entry.is_dir) and not left_out(entry.name)]
    return sorted(names, key=natural)


def is_class(root: Path, name: str, others: Collection[str]) -> bool:
    """Whether a folder holds photos itself, beside others that hold some too."""
    with os.scandir(root / name) as entries:
        if not any(is_photo(entry.name) for entry in entries):
            return False
    tree = PhotoTree(root)
    return any(next(tree.paths(other), None) for other in others)


def ambiguous(root: Path, part: str, found: Sequence[str]) -> ValueError:
    """The error of several folders for one part."""
    names = " and ".join(f"{printable(name)}/" for name in found)
    return ValueError(
        f"{printable(root)} has {names}, each of which may be the {part} part; accepted: one of them. Move "
        f"the others out of data.root, {printable(root)}."
    )


def only_validation(val: Path) -> ValueError:
    """The error of photos for validation, and none to train on."""
    return ValueError(
        f"there is {printable(val)}, but no folder {printable(val.parent / 'train')}; accepted: both, with "
        f"photos to train on and to evaluate, or data.root={printable(val)} with a data.val_fraction of its "
        "photos to hold out."
    )


def missing(folder: Path) -> ValueError:
    """The error of a folder that is not there."""
    return ValueError(
        f"there is no folder {printable(folder)}; accepted: a data.root that holds train/CLASS/*.jpg and "
        "val/CLASS/*.jpg, or photos in any folders with a data.val_fraction to hold out."
    )
