"""Checks that no validation image is also a training image."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.files import printable


def check_apart(val: Any, others: Mapping[str, Any]) -> None:
    """Refuse queries that are also training images, or also in the bank of kNN.

    The real paths of photos are compared, with all links resolved. Copies and hard links are not found. Only
    folders of photos are compared, because other data sets have no paths.

    Raises:
        ValueError: some photos are in both; names one of them.
    """
    if not isinstance(val, PhotoFolder):
        return
    for name, other in others.items():
        if isinstance(other, PhotoFolder) and (both := _in_both(val, other)):
            one, same = both[0]
            where = "" if one == same else f", which is {printable(same)}"
            raise ValueError(
                f"{len(both):,} of {len(val):,} photos of data.val are in data.{name} too, such as "
                f"{printable(one)}{where}; accepted: other photos in {printable(val.root)}, not links to the "
                "same ones, or data.val=null for no evaluation."
            )


def _in_both(val: PhotoFolder, other: PhotoFolder) -> list[tuple[str, str]]:
    """The photos in both sets: for each, its path in `val` and its path in `other`."""
    if not (val.links or other.links or _folders(val) & _folders(other)):
        return []
    theirs = dict(_places(other))
    return [(path, theirs[place]) for place, path in _places(val) if place in theirs]


def _folders(photos: PhotoFolder) -> set[str]:
    return {os.path.realpath(folder) for folder in set(map(os.path.dirname, photos.paths))}


def _places(photos: PhotoFolder) -> Iterator[tuple[str, str]]:
    """The real path of each photo, and its path in the data set."""
    folders: dict[str, str] = {}
    for path in photos.paths:
        folder, name = os.path.split(path)
        if path in photos.links:
            yield os.path.realpath(path), path
            continue
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        yield f"{folders[folder]}{os.sep}{name}", path
