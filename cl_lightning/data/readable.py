"""Images of any map-style Dataset, in which the next readable image may replace a broken file."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset

from cl_lightning.data.broken_files import BrokenImageError, too_many
from cl_lightning.data.item import image_and_label
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.read_errors import cannot_be_read
from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.files import printable


class Read(NamedTuple):
    """An image with its own index and label, and the files (path: what is wrong) that it replaces."""

    image: Tensor
    index: int  # type: ignore[assignment]  # hides tuple.index
    label: int
    broken: dict[str, str]


class ReadableImages(Dataset[tuple[Tensor, int]]):
    """`dataset` as (uint8 image [channels, height, width], label or -1), without its broken files.

    Item i is the first readable image of i, i + 1, ... (the first follows the last). `removed` maps the
    numbers of files that were broken and have been removed to their paths: the next image replaces them too,
    and they are not counted.
    Raises BrokenImageError, which names the files, for more than `max_broken` broken files in a row.
    """

    def __init__(self, dataset: MapStyle, max_broken: int, removed: Mapping[int, str] | None = None) -> None:
        self.dataset, self.max_broken, self.removed = dataset, max_broken, dict(removed or {})

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[UInt8[Tensor, "channels height width"], int]:
        found = self.read(index)
        return found.image, found.label

    def read(self, index: int) -> Read:
        """Image `index`, or the next readable one, with its own index."""
        broken: dict[str, str] = {}
        tried = self.max_broken + 1 + len(self.removed)
        for number in range(index, index + min(tried, len(self))):
            place = number % len(self)
            if place in self.removed:
                path = self.removed[place]
                broken[path] = f"{printable(path)} is gone."
                continue
            try:
                return Read(*self._item(place), broken)
            except BrokenImageError as error:
                if not self.max_broken:
                    raise
                what = str(error).partition("; accepted: ")[0].rstrip(".")  # the user need not act
                broken[error.path or f"image {place}"] = f"{what}."
        raise too_many(broken, self.max_broken)

    def _item(self, index: int) -> tuple[Tensor, int, int]:
        try:
            image, label = image_and_label(self.dataset[index])
            return image, index, label
        except StopIteration as error:  # a loader would end the epoch
            raise ValueError(
                f"image {index} of {type(self.dataset).__name__} raised StopIteration; accepted: an image, "
                "or (image, label), for each number below its length (data.train, data.val)."
            ) from error
        except OSError as error:  # a user's own Dataset may raise it; PIL may decode only now
            if error.errno is not None and "accepted: " not in str(error.strerror):
                raise cannot_be_read(f"image {index} of {type(self.dataset).__name__}", error) from error
            if error.errno is not None:  # the message of one of our data sets is complete
                raise
            raise BrokenImageError(
                f"cannot read image {index} of {type(self.dataset).__name__} "
                f"({type(error).__name__}: {error})."
            ) from error

    def __repr__(self) -> str:
        return describe(self.dataset)


def describe(part: Any) -> str:
    """The `repr` of one of our data sets; type and length of any other."""
    if part is None or type(part).__module__.startswith("cl_lightning."):
        return repr(part)
    return f"{type(part).__name__}: {len(part):,} images"


def bare(part: Any) -> Any:
    """The data set without the wrapper of `readable`."""
    return part.dataset if isinstance(part, ReadableImages) else part


def readable(part: Any, max_broken: int, removed: Mapping[int, str] | None = None) -> Any:
    """`part` without its broken files, if it has files and some may be broken; else `part` itself."""
    in_memory = part is None or isinstance(part, TensorImages)
    return part if in_memory or not (max_broken or removed) else ReadableImages(part, max_broken, removed)
