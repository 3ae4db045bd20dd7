"""Photos in a folder, decoded when they are asked for."""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.datasets.folder import IMG_EXTENSIONS

from cl_lightning.data.broken_files import BrokenImageError
from cl_lightning.data.images import to_rgb, to_uint8


class PhotoFolder(Dataset[tuple[Tensor, int] | Tensor]):
    """The photos `paths` below `root` as uint8 RGB tensors, (image, label) where there are `labels`.

    A label is a number into `classes`.
    """

    def __init__(
        self, root: Path, paths: Sequence[str], labels: Sequence[int] | None, classes: Sequence[str]
    ) -> None:
        self.root, self.paths, self.labels, self.classes = root, paths, labels, classes

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(
        self, index: int
    ) -> tuple[UInt8[Tensor, "3 height width"], int] | UInt8[Tensor, "3 height width"]:
        image = decode(self.paths[index])
        return image if self.labels is None else (image, self.labels[index])

    def __repr__(self) -> str:
        labels = "no labels" if self.labels is None else f"{len(self.classes)} classes"
        return f"{self.root}: {len(self):,} photos, {labels}"


def decode(path: str) -> UInt8[Tensor, "3 height width"]:
    """The photo as RGB, turned as its EXIF orientation says (as every viewer shows it), transparency dropped.

    Raises BrokenImageError, which names the file; it passes through loader workers.
    """
    try:
        with Image.open(path) as image:
            return to_uint8(to_rgb(ImageOps.exif_transpose(image)))
    except Exception as error:  # PIL's decoders raise many kinds
        broken = BrokenImageError(
            f"cannot read the image {path} ({_reason(path, error)}); accepted: complete image files. Repair "
            "or remove it below data.root."
        )
        broken.path = path
        raise broken from error


def _reason(path: str, error: Exception) -> str:
    """What is wrong with a file, in words that don't repeat its path."""
    if isinstance(error, UnidentifiedImageError):
        return "no image of a kind that PIL knows" if os.path.getsize(path) else "it is empty"
    if isinstance(error, Image.DecompressionBombError):
        assert Image.MAX_IMAGE_PIXELS is not None, "there is no such error without a limit"
        return f"too large: {str(error).split(' exceeds')[0]}, PIL takes {2 * Image.MAX_IMAGE_PIXELS:,}"
    return f"{type(error).__name__}: {error}"


def photos_below(folder: Path) -> Iterator[str]:
    """Paths of the images below `folder`, a folder's own before those of its sub-folders, in natural order.

    Hidden files and folders are left out, and links to a folder that they are in. Raises ValueError for a
    folder that cannot be read.
    """
    above = {str(folder): {identity(folder)}}
    for place, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=natural)
        inside = {name: identity(os.path.join(place, name)) for name in folders}
        folders[:] = [name for name in folders if inside[name] not in above[place]]
        above |= {os.path.join(place, name): above[place] | {inside[name]} for name in folders}
        yield from (os.path.join(place, name) for name in sorted(filter(is_photo, files), key=natural))


def identity(folder: str | Path) -> tuple[int, int]:
    """Device and number of a folder, the same by all its names."""
    found = os.stat(folder)
    return found.st_dev, found.st_ino


def _refuse(error: OSError) -> NoReturn:
    raise ValueError(f"cannot read the folder {error.filename} ({error}); see data.root.") from error


def is_photo(name: str) -> bool:
    """Whether a file is an image by its name."""
    return name.lower().endswith(IMG_EXTENSIONS) and not name.startswith(".")


def class_names(folder: Path) -> list[str]:
    """Names of the class folders in natural order, hidden ones left out."""
    names = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    return sorted((name for name in names if not name.startswith(".")), key=natural)


def natural(name: str) -> tuple[list[str | int], str]:
    """Sorting key that compares the numbers in a name as numbers, and accents however they are written."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name))
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(parts)], name
