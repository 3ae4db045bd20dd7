"""Decodes photos."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.Image import Transpose
from torch import Tensor

from cl_lightning.data.broken_files import BrokenImageError
from cl_lightning.data.images import ModeError, is_deep, to_rgb, to_uint8
from cl_lightning.data.photos.photo_formats import HEIC, extension, register_heic
from cl_lightning.data.photos.read_errors import cannot_be_read
from cl_lightning.files import printable

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the first bytes of a TIFF file
LEVELS = "grey or colour of 8 or 16 bits, unsigned"

# The transpose that turns a photo upright, by the number of its EXIF orientation.
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def decode(path: str) -> UInt8[Tensor, "3 height width"]:
    """The photo as RGB without transparency, turned as its EXIF orientation says (as every viewer does).

    If the file has several frames, the first one.

    Raises:
        BrokenImageError: the file is damaged or of an unsupported kind; names it, passes through workers.
        OSError: the system cannot read the file.
        MemoryError
    """
    return pixels_and_depth(path)[0]


def pixels_and_depth(path: str) -> tuple[UInt8[Tensor, "3 height width"], bool]:
    """The image that `decode` returns, and whether the file's values have more than 8 bits."""
    with opened(path) as image:
        deep = is_deep(image)
        image.load()
        return to_uint8(upright(to_rgb(image), _orientation(image))), deep


@contextmanager
def opened(path: str) -> Iterator[Image.Image]:
    """The photo as a PIL image. Errors inside the `with` block are raised as errors of this file."""
    if extension(path) in HEIC:
        register_heic()
    try:
        with Image.open(path) as image:
            yield image
    except MemoryError:
        raise  # the file is not at fault
    except Exception as error:  # PIL's decoders raise many kinds
        if isinstance(error, OSError) and error.errno is not None:
            raise cannot_be_read(f"the image {printable(path)}", error) from error
        broken = BrokenImageError(
            f"cannot read the image {printable(path)} ({_reason(path, error)}); accepted: "
            f"{_remedy(path, error)}, or set data.max_broken=1, which lets the next image stand in for it; "
            "cl-train also goes on once it is removed."
        )
        broken.path = path
        raise broken from error


def upright(image: Image.Image, orientation: Any) -> Image.Image:
    """The image, turned as its EXIF orientation says."""
    turn = UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> Any:
    """The EXIF orientation, or None. The image is loaded, so errors in its metadata do not matter."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation)
        return found if isinstance(found, int) else None
    except Exception:  # metadata that cannot be parsed
        return None


def _reason(path: str, error: Exception) -> str:
    """What is wrong with a file; does not repeat its path."""
    if isinstance(error, ModeError):
        return f"{str(error).partition('; ')[0]}, whose values have no fixed range"
    if isinstance(error, UnidentifiedImageError) and _is_tiff(path):
        return "it is incomplete, or has values that PIL cannot read, such as 64-bit ones"
    if isinstance(error, UnidentifiedImageError):
        return "no image of a kind that PIL knows" if os.path.getsize(path) else "it is empty"
    if isinstance(error, Image.DecompressionBombError):
        assert Image.MAX_IMAGE_PIXELS is not None, "without a limit PIL does not raise this error"
        return f"too large: {str(error).split(' exceeds')[0]}, PIL takes {2 * Image.MAX_IMAGE_PIXELS:,}"
    return f"{type(error).__name__}: {error}"


def _remedy(path: str, error: Exception) -> str:
    """What to do with a file; an intact one need not be repaired."""
    if isinstance(error, ModeError):
        return f"{LEVELS}. Convert it under the same name, and scale all images alike"
    if isinstance(error, UnidentifiedImageError) and _is_tiff(path):
        return f"complete image files of {LEVELS}. Repair it, or convert it under the same name"
    return "complete image files. Repair it"


def _is_tiff(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in TIFF
