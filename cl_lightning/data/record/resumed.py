"""The data sets of a resumed run."""

import copy
import os
from collections.abc import Collection, Mapping

from cl_lightning.data.broken_files import BrokenImageError
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.accents import under_names_of
from cl_lightning.data.photos.photo_folder import PhotoFolder, decode
from cl_lightning.data.readable import bare
from cl_lightning.data.record.inventory import Files, Inventory, below

LOOKED_AT = 100  # of the photos that differ, so many are decoded


def renumbered(part: MapStyle, then: Inventory, broken: Collection[str]) -> tuple[MapStyle, dict[int, str]]:
    """`part`, numbered as when the run began (`then`), and those `broken` files that are gone, by number.

    A file that is gone keeps its number, so that all others keep theirs; another image replaces it. A file is
    opened under its present name, which may have another Unicode form.
    """
    photos = bare(part)
    if not (isinstance(photos, PhotoFolder) and isinstance(then, Files)):
        return photos, {}
    names = under_names_of(then.paths, below(photos))
    places, met = dict(zip(names, photos.paths, strict=True)), under_names_of(then.paths, [*broken])
    gone = set(met).difference(places)
    removed = {n: _place(photos, path) for n, path in enumerate(then.paths) if path in gone}
    return (photos if names == then.paths else _as_then(photos, then, places)), removed


def changes(then: Inventory, now: Inventory, broken: Collection[str]) -> str:
    """How a data set differs from the one with which a run began, as text; empty if it does not.

    Args:
        then, now: the inventory when the run began, and the present one.
        broken: files that the run could not read, as paths below the set's folder. They may be repaired or
            gone now.
    """
    found = then.changes(now, broken)
    if found and isinstance(then, Files) and isinstance(now, Files):
        return then.changes(now, {*broken, *damaged(then, now, broken)})
    return found


def damaged(then: Files, now: Files, broken: Collection[str]) -> list[str]:
    """Photos that differ and can't be read: damaged since, they count as broken, not as other images."""
    named = now.under_names_of(then)
    places, met = dict(zip(named.paths, now.paths, strict=True)), set(under_names_of(then.paths, [*broken]))
    differ = [*then.of_another_size(named), *then.of_other_content(named)]
    other = [path for path in differ if path not in met][:LOOKED_AT]
    return [path for path in other if not can_be_read(os.path.join(now.root, places[path]))]


def can_be_read(path: str) -> bool:
    """Whether a file is a complete image."""
    try:
        decode(path)
    except BrokenImageError:
        return False
    return True


def _as_then(photos: PhotoFolder, then: Files, places: Mapping[str, str]) -> PhotoFolder:
    """The photos, numbered as in `then`; each is opened under its present name."""
    photos = copy.copy(photos)
    photos.paths = [places.get(path) or _place(photos, path) for path in then.paths]
    photos.labels, photos.classes = then.labels, then.classes
    return photos


def _place(photos: PhotoFolder, path: str) -> str:
    return os.path.join(str(photos.root), path)
