"""A folder of photos, one sub-folder a class."""

import re
from pathlib import Path

from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from cl_lightning.data.images import to_rgb, to_uint8
from cl_lightning.data.split import is_train


class BrokenImageError(ValueError):
    """A file of the data set that cannot be decoded; the message names it."""


class PhotoFolder(ImageFolder):
    """torchvision's ImageFolder with classes in natural order (2 before 10) and uint8 RGB tensors."""

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        classes = class_names(Path(directory))
        return classes, {name: index for index, name in enumerate(classes)}

    def __repr__(self) -> str:
        return f"{self.root}: {len(self):,} photos, {len(self.classes)} classes"


def class_names(folder: Path) -> list[str]:
    """Names of the class folders in natural order, hidden ones left out."""
    names = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    return sorted((name for name in names if not name.startswith(".")), key=natural)


def natural(name: str) -> tuple[list[str | int], str]:
    """Sorting key that compares the numbers in a name as numbers."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(parts)], name


def decode(path: str) -> UInt8[Tensor, "3 height width"]:
    """The photo as RGB, turned as its EXIF orientation says (as every viewer shows it), transparency dropped.

    Raises BrokenImageError, which names the file; it passes through loader workers.
    """
    try:
        with Image.open(path) as image:
            return to_uint8(to_rgb(ImageOps.exif_transpose(image)))
    except Exception as error:  # PIL's decoders raise many kinds
        raise BrokenImageError(
            f"cannot read the image {path} ({type(error).__name__}: {error}). Accepted are complete image "
            "files: repair or remove it below data.root."
        ) from error


def image_folder(root: str | Path, split: str = "train") -> PhotoFolder:
    """The photos below `root/split/CLASS/`, sub-folders too, as (uint8 RGB [3, H, W], class number).

    Raises ValueError when the folder, its classes or a class's images are missing.
    """
    is_train(split)
    folder = Path(root).expanduser() / split
    layout = f"a data.root that holds {split}/CLASS/*.jpg"
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; accepted is {layout}.")
    if not class_names(folder):
        raise ValueError(f"{folder} has no class folders; accepted is {layout}.")
    try:
        return PhotoFolder(folder, loader=decode)
    except FileNotFoundError as error:
        raise ValueError(
            f"{folder}: {error}. Accepted is at least one image a class ({' '.join(IMG_EXTENSIONS)}): "
            "fill or remove the empty class folders below data.root."
        ) from error
