"""Sets of images with which a run goes on that began earlier."""

import copy
import os
from collections.abc import Collection

from cl_lightning.data.broken_files import BrokenImageError
from cl_lightning.data.inventory import Files, Inventory
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photo_folder import PhotoFolder, decode
from cl_lightning.data.readable import bare

LOOKED_AT = 100  # photos that differ


def going_on(part: MapStyle, then: Inventory, broken: Collection[str]) -> tuple[MapStyle, dict[int, str]]:
    """`part` as a run knows it that began with `then`, and the `broken` files that are gone, by number.

    Such a file keeps its number, so that all others keep theirs; others may stand in for it.
    """
    photos = bare(part)
    if not (isinstance(photos, PhotoFolder) and isinstance(then, Files)):
        return photos, {}
    names = {number: path for number, path in enumerate(then.paths) if path in broken}
    paths = {number: os.path.join(str(photos.root), path) for number, path in names.items()}
    removed = {number: path for number, path in paths.items() if not os.path.exists(path)}
    return _as_then(photos, then) if removed else photos, removed


def changes(then: Inventory, now: Inventory, broken: Collection[str]) -> str:
    """How a set differs from what a run began with, in words; empty where it does not.

    Args:
        then, now: what it consisted of, and consists of.
        broken: files that the run met and could not read, below the set's folder; they may be repaired or
            gone.
    """
    words = then.changes(now, broken)
    if not (words and isinstance(then, Files) and isinstance(now, Files)):
        return words
    # A photo that was damaged is broken, and not another image.
    differ = [*then.of_another_size(now), *then.of_other_content(now)]
    other = [path for path in differ if path not in broken][:LOOKED_AT]
    damaged = [path for path in other if not _can_be_read(os.path.join(now.root, path))]
    return then.changes(now, {*broken, *damaged})


def _can_be_read(path: str) -> bool:
    try:
        decode(path)
    except BrokenImageError:
        return False
    return True


def _as_then(photos: PhotoFolder, then: Files) -> PhotoFolder:
    photos = copy.copy(photos)
    photos.paths = [os.path.join(str(photos.root), path) for path in then.paths]
    photos.labels, photos.classes = then.labels, then.classes
    return photos
