"""All photos below a folder, in any layout."""

import os
from contextlib import suppress
from pathlib import Path

from cl_lightning.data.photos.labels import photos
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.photos.photo_tree import PhotoTree
from cl_lightning.data.photos.split_folders import parts
from cl_lightning.files import printable

LEAST = 2  # folders that are classes; one alone may hold anything


def all_photos(root: str | Path, labels: bool | None = None) -> PhotoFolder:
    """All photos below `root`, those of all splits together, in natural order of their paths.

    The folders of the first level are the classes, as in `image_folder`; inside the folders of splits, such
    as train/ and val/, those of the next level.

    Args:
        labels: whether these are the classes. None: they are if there are two or more, and no photo is in
            none.

    Raises:
        ValueError: there is no such folder, it can't be read, or has no photo; or `labels` asks for classes
            and a photo has none.
    """
    root = Path(root).expanduser()
    found = photos(PhotoTree(root), labels=False)
    names = _classes_of(found, _splits(root))
    if labels and None in names:
        bare = printable(found.paths[names.index(None)])
        raise ValueError(
            f"{bare} is in no class folder, but data.labels=true; accepted: CLASS/photo for every photo, or "
            "data.labels=false."
        )
    if labels is False or None in names or (labels is None and len(set(names)) < LEAST):
        return found
    found.classes = list(dict.fromkeys(name for name in names if name is not None))
    numbers = {name: number for number, name in enumerate(found.classes)}
    found.labels = [numbers[name] for name in names if name is not None]
    return found


def _splits(root: Path) -> set[str]:
    """Names of the folders of splits; none if it is not clear which they are."""
    with suppress(ValueError):
        found = parts(root)
        return {part.name for part in (found.train, found.val, found.test) if part not in (None, root)}
    return set()


def _classes_of(found: PhotoFolder, splits: set[str]) -> list[str | None]:
    """The class folder of each photo; None where it is in none."""
    names: list[str | None] = []
    for path in found.paths:
        folders = os.path.relpath(path, found.root).split(os.sep)[:-1]
        folders = folders[1:] if folders and folders[0] in splits else folders
        names.append(PhotoTree.class_of(folders[0]) if folders else None)
    return names
