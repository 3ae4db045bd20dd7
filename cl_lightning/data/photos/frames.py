"""Files with several frames or pages; only the first one is read."""

from collections import defaultdict
from collections.abc import Iterable

from cl_lightning.data.photos.decode import opened
from cl_lightning.data.photos.photo_formats import SEVERAL_FRAMES, extension

LOOKED_AT = 8  # files of each format


def formats_with_several(paths: Iterable[str]) -> list[str]:
    """The formats in which some files have several frames; a few files of each format are opened."""
    of_format = defaultdict(list)
    for path in paths:
        if extension(path) in SEVERAL_FRAMES:
            of_format[extension(path)].append(path)
    return [end for end, found in of_format.items() if any(map(has_several, spread(found, LOOKED_AT)))]


def has_several(path: str) -> bool:
    """Whether a file has a second frame; False if it cannot be read, which is reported when training does."""
    try:
        with opened(path) as image:
            image.seek(1)
            return True
    except (ValueError, OSError):
        return False


def spread(items: list[str], number: int) -> list[str]:
    """About `number` of the items, evenly spread."""
    step = max(1, len(items) // number)
    return items[::step][:number]
