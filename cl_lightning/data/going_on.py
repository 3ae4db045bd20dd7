"""Sets of images with which a run goes on that began earlier."""

import copy
import os
from collections.abc import Collection
from typing import Any

from cl_lightning.data.broken_files import BrokenImageError
from cl_lightning.data.inventory import Files, Inventory, inventory
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photo_folder import PhotoFolder, decode
from cl_lightning.data.readable import bare

LOOKED_AT = 100  # photos of another size


def going_on(
    name: str,
    part: MapStyle,
    then: Inventory,
    broken: Collection[str],
    compare: bool,
    run: Any,
    accepted: str,
) -> tuple[MapStyle, dict[int, str]]:
    """`part` as the run knows it, and the files of it that were broken and are gone, by number.

    Such a file keeps its number, so that all others keep theirs; others may stand in for it.

    Args:
        name: of the set, below the key `data`.
        part: the set as it is now.
        then: what it consisted of when the run began.
        broken: files that the run met and could not read, below the set's folder.
        compare: whether to look at all files; once for each machine is enough.
        run, accepted: for the message.

    Raises:
        ValueError: the set has changed, and how.
    """
    photos = bare(part)
    if compare and (words := _changes(photos, then, broken)):
        raise ValueError(f"data.{name} is not what {run} began with: {words}; accepted: {accepted}")
    if not (isinstance(photos, PhotoFolder) and isinstance(then, Files)):
        return photos, {}
    names = {number: path for number, path in enumerate(then.paths) if path in broken}
    paths = {number: os.path.join(str(photos.root), path) for number, path in names.items()}
    removed = {number: path for number, path in paths.items() if not os.path.exists(path)}
    return _as_then(photos, then) if removed else photos, removed


def _changes(photos: MapStyle, then: Inventory, broken: Collection[str]) -> str:
    now = inventory(photos)
    words = then.changes(now, broken)
    if not (words and isinstance(then, Files) and isinstance(now, Files)):
        return words
    # A photo that was damaged is broken, and not another image.
    other = [path for path in then.of_another_size(now) if path not in broken][:LOOKED_AT]
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
