"""That nothing is evaluated as held out that was trained on."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.files import printable


def check_apart(val: Any, others: Mapping[str, Any]) -> None:
    """Refuse queries that are among the images to train on, or among the kNN's bank.

    Compared are the real places of photos, behind links to folders and to files. Copies and hard links are
    not found out, nor the images of other sets than folders of photos, of which no places are known.

    Raises:
        ValueError: names one of them.
    """
    if not isinstance(val, PhotoFolder):
        return
    for name, other in others.items():
        if isinstance(other, PhotoFolder) and (both := _in_both(val, other)):
            one, same = both[0]
            where = "" if one == same else f", which is {printable(same)}"
            raise ValueError(
                f"{len(both):,} of {len(val):,} photos of data.val are those of data.{name} too, such as "
                f"{printable(one)}{where}; accepted: photos of their own in {printable(val.root)}, in the "
                "place of links, or data.val=null for no evaluation."
            )


def _in_both(val: PhotoFolder, other: PhotoFolder) -> list[tuple[str, str]]:
    """Paths of the photos that both have, as each of them has it."""
    if not (val.links or other.links or _folders(val) & _folders(other)):
        return []
    theirs = dict(_places(other))
    return [(path, theirs[place]) for place, path in _places(val) if place in theirs]


def _folders(photos: PhotoFolder) -> set[str]:
    return {os.path.realpath(folder) for folder in set(map(os.path.dirname, photos.paths))}


def _places(photos: PhotoFolder) -> Iterator[tuple[str, str]]:
    """The real place of each photo, and its path."""
    folders: dict[str, str] = {}
    for path in photos.paths:
        folder, name = os.path.split(path)
        if path in photos.links:
            yield os.path.realpath(path), path
            continue
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        yield f"{folders[folder]}{os.sep}{name}", path
