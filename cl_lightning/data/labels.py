"""Whether the first folders below a folder of photos are its classes."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from torchvision.datasets.folder import IMG_EXTENSIONS

from cl_lightning.data.photo_folder import PhotoFolder, class_names, is_photo, photos_below

LAYOUT = "CLASS/*.jpg"


def photos(folder: Path, labels: bool | None, classes: Sequence[str] = ()) -> PhotoFolder:
    """All photos below `folder`, sub-folders too.

    Args:
        folder: with or without class folders.
        labels: whether the folders of its first level are the classes; None: where there are two or more
            (one, where `classes` are given), and no photo lies beside them.
        classes: all classes, in the order of their numbers (default: those of `folder`).

    Raises:
        ValueError: no photos, a class without any, one that is not in `classes`, or classes asked for where
            there are none.
    """
    if not has_classes(folder, labels, least=1 if classes else 2):
        paths = list(photos_below(folder))
        _require(paths, folder, "photo")
        return PhotoFolder(folder, paths, None, [])
    names = class_names(folder)
    classes = classes or names
    if others := [name for name in names if name not in classes]:
        raise ValueError(
            f"{folder} has class folders that the training images lack: {', '.join(others)}; accepted: "
            "the same classes, or data.labels=false."
        )
    found = {name: list(photos_below(folder / name)) for name in names}
    if empty := [name for name, paths in found.items() if not paths]:
        _require([], folder, f"photo a class; empty are {', '.join(empty)}")
    numbers = {name: number for number, name in enumerate(classes)}
    return PhotoFolder(
        folder,
        [path for paths in found.values() for path in paths],
        [numbers[name] for name, paths in found.items() for _ in paths],
        list(classes),
    )


def has_classes(folder: Path, labels: bool | None, least: int) -> bool:
    """Whether the first folders, `least` or more, are classes; warns where photos beside them decide."""
    if labels is False:
        return False
    names = class_names(folder)
    beside = [entry.name for entry in folder.iterdir() if is_photo(entry.name) and entry.is_file()]
    if labels and (beside or not names):
        found = f"{len(beside)} photos beside the class folders" if names else "no class folders"
        raise ValueError(
            f"{folder} has {found}, but data.labels=true; accepted: {folder}/{LAYOUT} for every photo, or "
            "data.labels=false."
        )
    if len(names) >= least and beside:
        warnings.warn(
            f"{folder} has {len(beside)} photos beside its folders, such as {min(beside)}: no photo gets a "
            "label. Move them into class folders, or set data.labels=false to say that there are none.",
            stacklevel=2,
        )
    return bool(labels) or (len(names) >= least and not beside)


def _require(paths: Sequence[str], folder: Path, what: str) -> None:
    if not paths:
        raise ValueError(
            f"{folder} lacks photos; accepted: at least one {what} ({' '.join(IMG_EXTENSIONS)}). "
            "Fill or remove empty folders below data.root."
        )
