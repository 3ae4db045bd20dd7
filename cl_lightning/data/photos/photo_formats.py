"""Which files are photos, by the extension of their names."""

import os
from functools import cache
from importlib.util import find_spec

from PIL import Image, features
from torchvision.datasets.folder import IMG_EXTENSIONS

FIRST = IMG_EXTENSIONS  # for runs that began before a run stored its images
NAMED = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".avif", ".heic", ".heif", ".hif"),
    *(".gif", ".tif", ".tiff", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".qoi", ".mpo"),
    *(".jp2", ".j2k", ".jpx"),
)
# Features that a build of Pillow may lack. HEIC needs a plugin.
PILLOW_FEATURES = {"webp": (".webp",), "avif": (".avif",), "jpg_2000": (".jp2", ".j2k", ".jpx")}
HEIC = (".heic", ".heif", ".hif")
HEIC_PLUGINS = ("pillow_heif", "pi_heif")
SEVERAL_FRAMES = (".gif", ".apng", ".webp", ".avif", ".tif", ".tiff", ".mpo", *HEIC)


def extension(name: str) -> str:
    """A file name's extension in lower case, such as `.jpg`; empty if it has none."""
    return os.path.splitext(name)[1].lower()


@cache
def readable() -> frozenset[str]:
    """The extensions in `NAMED` that the installed Pillow can read."""
    missing = {end for name, ends in PILLOW_FEATURES.items() if not features.check(name) for end in ends}
    return frozenset(NAMED) - missing - (frozenset() if _has_heic() else frozenset(HEIC))


def is_photo(name: str) -> bool:
    """Whether a file's name is that of a readable image."""
    return extension(name) in readable() and not name.startswith(".")


def format_name(end: str) -> str:
    """The extension of a file that is not used, with the reason if it is an image's."""
    if end in HEIC and end not in readable():
        return f"{end} without the package pillow-heif"
    if end in NAMED and end not in readable():
        return f"{end}, which this Pillow does not read"
    return end or "without an extension"


@cache
def register_heic() -> None:
    """Lets Pillow read HEIC in this process, if a plugin is installed."""
    if HEIC[0] in Image.registered_extensions():
        return
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        from pi_heif import register_heif_opener
    register_heif_opener()


def _has_heic() -> bool:
    return HEIC[0] in Image.registered_extensions() or any(find_spec(name) for name in HEIC_PLUGINS)
