"""Finds classes: whether the folders of the first level are the classes of their photos."""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NoReturn

from cl_lightning.data.counts import in_counts
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.photos.rules import Tree
from cl_lightning.files import printable

LAYOUT = "CLASS/*.jpg"


def photos(
    tree: Tree, labels: bool | None, classes: Sequence[str] = (), notes: tuple[str, ...] = ()
) -> PhotoFolder:
    """All photos of `tree`.

    Args:
        tree: with or without class folders.
        labels: whether the folders of its first level are the classes. None: they are if there are two or
            more of them (with `classes`: one or more) and no photo lies beside them.
        classes: all classes, in the order of their numbers (default: those of `tree`).
        notes: further lines for the start report.
    """
    if not has_classes(tree, labels, least=1 if classes else 2):
        paths = list(tree.paths())
        if not paths:
            _refuse_empty(tree, "photo")
        return PhotoFolder(tree.top, paths, None, [], tree.passed_over, notes, tree.links)
    names = class_names(tree)
    classes = classes or names
    if others := [name for name in names if name not in classes]:
        raise ValueError(
            f"{printable(tree.top)} has class folders that the training images lack: "
            f"{printable(', '.join(others))}; accepted: the same classes, or data.labels=false."
        )
    found = {folder: list(tree.paths(folder)) for folder in tree.folders}
    if empty := [folder for folder, paths in found.items() if not paths]:
        _refuse_empty(tree, f"photo a class; empty are {printable(', '.join(empty))}")
    numbers = {name: number for number, name in enumerate(classes)}
    return PhotoFolder(
        tree.top,
        [path for paths in found.values() for path in paths],
        [numbers[tree.class_of(folder)] for folder, paths in found.items() for _ in paths],
        list(classes),
        tree.passed_over,
        (*notes, *_merged(found, tree)),
        tree.links,
    )


def class_names(tree: Tree) -> list[str]:
    """Names of the classes in natural order, each once."""
    return list(dict.fromkeys(map(tree.class_of, tree.folders)))


def has_classes(tree: Tree, labels: bool | None, least: int) -> bool:
    """Whether the folders of the first level are classes; `least` is how many there must be.

    Warns if they are not because photos lie beside them.
    """
    if labels is False:
        return False
    names, beside, folder = class_names(tree), tree.beside, printable(tree.top)
    if labels and (beside or not names):
        found = f"{len(beside)} photos beside the class folders" if names else "no class folders"
        raise ValueError(
            f"{folder} has {found}, but data.labels=true; accepted: {folder}/{LAYOUT} for every photo, or "
            "data.labels=false."
        )
    if len(names) >= least and beside:
        warnings.warn(
            f"{folder} has {len(beside)} photos beside its folders, such as {printable(min(beside))}: no "
            "photo gets a label. Move them into class folders, or set data.labels=false if there are no "
            "classes.",
            stacklevel=2,
        )
    return bool(labels) or (len(names) >= least and not beside)


def _merged(folders: Iterable[str], tree: Tree) -> list[str]:
    """A note for each class with several folders, whose names differ only in the form of accents."""
    several = [name for name, number in Counter(map(tree.class_of, folders)).items() if number > 1]
    return [f"one class in two folders, named with different forms of accents: {name}" for name in several]


def _refuse_empty(tree: Tree, what: str) -> NoReturn:
    over = f" Passed over: {in_counts(tree.passed_over)}." if tree.passed_over else ""
    raise ValueError(
        f"{printable(tree.top)} lacks photos; accepted: at least one {what} ({' '.join(tree.formats)}). "
        f"Fill or remove empty folders below data.root.{over}"
    )
