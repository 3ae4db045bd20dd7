"""Two random views of every image in a batch, made by a recipe of operations."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from cl_lightning.devices import has_float64
from cl_lightning.pairs.crop import Crop, crop, crop_uint8
from cl_lightning.pairs.drawn import Drawn, moved, rows_of
from cl_lightning.pairs.flip import Flip, flip
from cl_lightning.pairs.jitter import Jitter
from cl_lightning.pairs.middle import middle
from cl_lightning.pairs.normalize import normalize
from cl_lightning.pairs.operation import Operation, on_cpu
from cl_lightning.pairs.random import uniforms

Images = UInt8[Tensor, "batch channels height width"]
Crops = UInt8[Tensor, "batch 2 channels height width"]

# Bytes of float pixels that a CPU works on at a time: fewer cost more overhead, more do not fit its cache.
# Measured on one thread with 2 MB of cache, in us for a view, by 0.8, 1.6, 3.2 and 6.4 MB: 32 x 32 pixels 43,
# 37, 35 and 36; 96 x 96 480, 460, 453 and 460; 224 x 224 1,660, 1,640, 1,610 and 1,650.
CACHE_BYTES = 3_200_000


@dataclass(frozen=True, repr=False)
class Views:
    """A recipe: crop and flip (or neither), then `operations` in this order, then standardisation.

    A call takes uint8 images [B, C, H, W] (or [B, 2, C, size, size] with both views already cropped), their
    indices in the data set, and the epoch. It returns two float32 views [B, C, size, size]. They are a pure
    function of (seed, epoch, index, view): batch size, order, workers and processes do not change them.
    """

    size: int
    seed: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    operations: tuple[Operation, ...]
    crop: Crop | None = None
    flip: Flip | None = None

    @property
    def crops(self) -> bool:
        """Whether the recipe has a crop, which `crop_pair` can cut in a loader's worker."""
        return self.crop is not None

    def __call__(
        self, images: Images | Crops, index: Int64[Tensor, " batch"], epoch: int
    ) -> tuple[
        Float32[Tensor, "batch channels {self.size} {self.size}"],
        Float32[Tensor, "batch channels {self.size} {self.size}"],
    ]:
        """Both views of every image; raises ValueError for images of another size or number of channels."""
        self._check_channels(images)
        self._check_size(images)
        # Mixed precision must not change the views.
        with torch.autocast(images.device.type, enabled=False):
            drawn = self._draw(images, index, epoch)
            shape = (2 * len(images), images.shape[-3], self.size, self.size)
            views = torch.empty(shape, dtype=torch.float32, device=images.device)
            for part, rows in self._parts(images, self._order(images, drawn)):
                pixels = self._make(part, rows_of(drawn, rows))
                if isinstance(rows, slice):
                    normalize(pixels, self.mean, self.std, out=views[rows])
                else:
                    views[rows] = normalize(pixels, self.mean, self.std)
            first, second = views.chunk(2)
        return first, second

    def clean(self, images: Images) -> Float32[Tensor, "batch channels {self.size} {self.size}"]:
        """Evaluation input: short side resized to `size` (antialiased), central square, standardised."""
        self._check_channels(images)
        pixels = images.float() / 255
        if images.shape[2:] != (self.size, self.size):
            pixels = middle(pixels, self.size)
        return normalize(pixels.contiguous(), self.mean, self.std)

    def crop_pair(
        self, image: UInt8[Tensor, "channels height width"], index: int, epoch: int
    ) -> UInt8[Tensor, "2 channels {self.size} {self.size}"]:
        """The crops of both views of one image, as uint8; calling the views with them does the rest."""
        if self.crop is None:
            raise ValueError("these views have no crop; views=simclr and views=moco_v2 crop: change views")
        drawn = uniforms(self.seed, epoch, torch.tensor([index]), {Crop.stream: Crop.draws})[Crop.stream]
        return crop_uint8(image, self.crop.draw(drawn[:, 0], *image.shape[1:]), self.size)

    def __repr__(self) -> str:
        steps = [*self._steps(), f"Normalize(mean={self.mean}, std={self.std})"]
        return "\n".join([f"Views(size={self.size}, seed={self.seed})", *(f"  {step}" for step in steps)])

    def _steps(self) -> list[Crop | Flip | Operation]:
        return [step for step in (self.crop, self.flip, *self.operations) if step is not None]

    def _draw(self, images: Tensor, index: Tensor, epoch: int) -> Drawn:
        """The parameters of all first views, then of all second views."""
        if not has_float64(index.device):  # parameters are computed in float64
            return moved(self._draw(images, index.cpu(), epoch), images.device)
        drawn = uniforms(self.seed, epoch, index, {step.stream: step.draws for step in self._steps()})
        numbers = {stream: number.flatten(0, 1) for stream, number in drawn.items()}
        cut = self.crop if images.ndim == 4 else None
        return Drawn(
            None if cut is None else cut.draw(numbers[Crop.stream], *images.shape[2:]),
            None if self.flip is None else self.flip.draw(numbers[Flip.stream]),
            tuple(operation.draw(numbers[operation.stream]) for operation in self.operations),
        )

    def _order(self, images: Images | Crops, drawn: Drawn) -> Int64[Tensor, " views"] | None:
        """The order in which a CPU makes the views fastest; None if any will do."""
        for operation, parameters in zip(self.operations, drawn.operations, strict=True):
            if isinstance(operation, Jitter) and on_cpu(images):
                return operation.order(parameters, self.size**2)
        return None

    def _parts(
        self, images: Images | Crops, order: Int64[Tensor, " views"] | None
    ) -> Iterator[tuple[Images, slice | Int64[Tensor, " part"]]]:
        """Images, and the rows of their views among all: some at a time on a CPU, elsewhere all."""
        batch = len(images)
        if not on_cpu(images):
            yield self._of_both(images), slice(0, 2 * batch)
            return
        flat = images if images.ndim == 4 else images.flatten(0, 1)
        step = max(1, CACHE_BYTES // (4 * images.shape[-3] * self.size**2))
        for start in range(0, 2 * batch, step):
            part = slice(start, min(start + step, 2 * batch))
            rows = torch.arange(part.start, part.stop) if order is None else order[part]
            sources = rows % batch if images.ndim == 4 else 2 * (rows % batch) + rows // batch
            yield flat.index_select(0, sources), part if order is None else rows

    def _of_both(self, images: Images | Crops) -> UInt8[Tensor, "sources channels height width"]:
        """What the views of all images are made of; the crop makes both from one image."""
        if images.ndim == 5:
            return images.transpose(0, 1).flatten(0, 1)
        return images if self.crop is not None else images.repeat(2, 1, 1, 1)

    def _make(self, images: Images, drawn: Drawn) -> Float32[Tensor, "views channels size size"]:
        """The views with these parameters, not yet standardised."""
        flipped = None if drawn.flipped is None else drawn.flipped.flipped
        if drawn.boxes is not None:
            pixels = crop(images, drawn.boxes, self.size, flipped)
        else:
            pixels = images.float().div_(255)
            pixels = pixels if flipped is None else flip(pixels, flipped)
        for operation, parameters in zip(self.operations, drawn.operations, strict=True):
            pixels = operation.apply(pixels, parameters)
        return pixels

    def _check_size(self, images: Tensor) -> None:
        height, width = images.shape[-2:]
        if (images.ndim == 5 or self.crop is None) and (height, width) != (self.size, self.size):
            cutting = "" if self.crop else ", or take views that cut a crop, views=simclr or views=moco_v2"
            raise ValueError(
                f"images of {height} x {width} pixels were given, but these views take {self.size} x "
                f"{self.size}: change views.size{cutting}"
            )

    def _check_channels(self, images: Tensor) -> None:
        if images.dtype != torch.uint8:
            raise ValueError(f"images are {images.dtype}; accepted: uint8, 0 to 255 (data)")
        channels = images.shape[-3]
        if channels != len(self.mean):
            raise ValueError(
                f"images with {channels} channels were given, but views.mean has {len(self.mean)} numbers "
                "(1 or 3 are accepted): change views.mean and views.std"
            )
