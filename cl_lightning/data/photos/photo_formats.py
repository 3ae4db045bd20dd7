"""Which files are photos, by their names."""

import os
from functools import cache
from importlib.util import find_spec

from PIL import Image, features
from torchvision.datasets.folder import IMG_EXTENSIONS

FIRST = IMG_EXTENSIONS  # of runs that began before a run stored its images
NAMED = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".avif", ".heic", ".heif", ".hif"),
    *(".gif", ".tif", ".tiff", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".qoi", ".mpo"),
    *(".jp2", ".j2k", ".jpx"),
)
# Of which Pillow may be built without; of HEIC there is a plugin.
PARTS = {"webp": (".webp",), "avif": (".avif",), "jpg_2000": (".jp2", ".j2k", ".jpx")}
HEIC = (".heic", ".heif", ".hif")
HEIC_PLUGINS = ("pillow_heif", "pi_heif")
SEVERAL_FRAMES = (".gif", ".apng", ".webp", ".avif", ".tif", ".tiff", ".mpo", *HEIC)


def extension(name: str) -> str:
    """The end of a file's name in small letters, such as `.jpg`; empty where it has none."""
    return os.path.splitext(name)[1].lower()


@cache
def readable() -> frozenset[str]:
    """Those of the named formats that the installed Pillow reads."""
    missing = {end for part, ends in PARTS.items() if not features.check(part) for end in ends}
    return frozenset(NAMED) - missing - (frozenset() if _has_heic() else frozenset(HEIC))


def is_photo(name: str) -> bool:
    """Whether a file is an image by its name."""
    return extension(name) in readable() and not name.startswith(".")


def in_words(end: str) -> str:
    """An extension that is passed over, with what it would take to read it."""
    if end in HEIC and end not in readable():
        return f"{end} without the package pillow-heif"
    if end in NAMED and end not in readable():
        return f"{end}, which this Pillow does not read"
    return end or "without an extension"


@cache
def register_heic() -> None:
    """Lets Pillow read HEIC in this process, where a plugin is installed."""
    if HEIC[0] in Image.registered_extensions():
        return
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        from pi_heif import register_heif_opener
    register_heif_opener()


def _has_heic() -> bool:
    return HEIC[0] in Image.registered_extensions() or any(find_spec(name) for name in HEIC_PLUGINS)
