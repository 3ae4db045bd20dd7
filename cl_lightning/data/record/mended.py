"""Broken photos that the user has repaired or removed, where nothing has recorded that they were broken."""

from collections.abc import Collection, Mapping
from itertools import chain

from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.accents import under_names_of
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.readable import bare
from cl_lightning.data.record.inventory import Files, Inventory, below, inventory
from cl_lightning.data.record.resumed import damaged


def may_be_mended(
    sets: Mapping[str, MapStyle], then: Mapping[str, Inventory], broken: Mapping[str, Collection[str]]
) -> list[str]:
    """Files that are gone or others than `then`, as SET:PATH, without those that are or were `broken`.

    Empty if anything else has changed, such as a new file.
    """
    found: list[str] = []
    for name, part in sets.items():
        before, now, met = then[name], inventory(part), {*broken.get(name, ())}
        if isinstance(before, Files) and isinstance(now, Files):
            differences = before.differences(now, met)
            if differences["new"]:
                return []
            paths = {*chain(*differences.values())}.difference(damaged(before, now, met))
            found += [f"{name}:{path}" for path in sorted(paths)]
        elif before.changes(now):
            return []
    return found


def gone(
    sets: Mapping[str, MapStyle], then: Mapping[str, Inventory], broken: Mapping[str, Collection[str]]
) -> list[str]:
    """Those of them that are gone; reads no file."""
    found: list[str] = []
    for name, part in sets.items():
        before, photos = then[name], bare(part)
        if isinstance(before, Files) and isinstance(photos, PhotoFolder):
            there = {*under_names_of(before.paths, [*below(photos), *broken.get(name, ())])}
            found += [f"{name}:{path}" for path in before.paths if path not in there]
    return found
