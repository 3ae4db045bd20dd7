"""The pixels of a photo's file."""

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

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # how such files begin
LEVELS = "grey or colour of 8 or 16 bits without a sign"

# What brings a photo upright, by the number of its EXIF orientation.
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
    """The photo as RGB, turned as its EXIF orientation says (as every viewer shows it), transparency dropped.

    Of several frames the first. Raises BrokenImageError, which names the file; it passes through loader
    workers; OSError where the system fails at the file, and MemoryError.
    """
    return pixels_and_depth(path)[0]


def pixels_and_depth(path: str) -> tuple[UInt8[Tensor, "3 height width"], bool]:
    """What `decode` gives, and whether the file's values have more than 8 bits."""
    with opened(path) as image:
        deep = is_deep(image)
        image.load()
        return to_uint8(upright(to_rgb(image), _orientation(image))), deep


@contextmanager
def opened(path: str) -> Iterator[Image.Image]:
    """The photo as PIL has it; errors of what is done with it are told as those of the file."""
    if extension(path) in HEIC:
        register_heic()
    try:
        with Image.open(path) as image:
            yield image
    except MemoryError:
        raise  # no fault of the file
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
    """Nothing else is asked of the metadata of an image, which is loaded."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation)
        return found if isinstance(found, int) else None
    except Exception:  # what cannot be parsed tells nothing
        return None


def _reason(path: str, error: Exception) -> str:
    """What is wrong with a file, in words that don't repeat its path."""
    if isinstance(error, ModeError):
        return f"{str(error).partition('; ')[0]}, whose numbers have no fixed range"
    if isinstance(error, UnidentifiedImageError) and _is_tiff(path):
        return "it is cut off, or of numbers that PIL does not read, such as those of 64 bits"
    if isinstance(error, UnidentifiedImageError):
        return "no image of a kind that PIL knows" if os.path.getsize(path) else "it is empty"
    if isinstance(error, Image.DecompressionBombError):
        assert Image.MAX_IMAGE_PIXELS is not None, "there is no such error without a limit"
        return f"too large: {str(error).split(' exceeds')[0]}, PIL takes {2 * Image.MAX_IMAGE_PIXELS:,}"
    return f"{type(error).__name__}: {error}"


def _remedy(path: str, error: Exception) -> str:
    """What to do of a file: one that is whole need not be repaired."""
    if isinstance(error, ModeError):
        return f"{LEVELS}. Save it so under its name, all scaled alike"
    if isinstance(error, UnidentifiedImageError) and _is_tiff(path):
        return f"complete image files of {LEVELS}. Repair it, or save it so under its name"
    return "complete image files. Repair it"


def _is_tiff(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in TIFF
