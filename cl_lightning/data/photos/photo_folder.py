"""A data set of photos, which are decoded when they are read."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset

from cl_lightning.data.counts import in_classes, in_counts
from cl_lightning.data.photos.decode import decode
from cl_lightning.data.photos.frames import formats_with_several
from cl_lightning.files import printable


class PhotoFolder(Dataset[tuple[Tensor, int] | Tensor]):
    """The photos `paths` below `root` as uint8 RGB tensors; with `labels`, as (image, label).

    A label is the number of a class in `classes`. `passed_over` counts the files and folders below `root`
    that are not used, by kind. `notes` are further lines for the start report. `links` are the paths that are
    links.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[str],
        labels: Sequence[int] | None,
        classes: Sequence[str],
        passed_over: Mapping[str, int] | None = None,
        notes: Sequence[str] = (),
        links: Collection[str] = frozenset(),
    ) -> None:
        self.root, self.paths, self.labels, self.classes = root, paths, labels, classes
        self.passed_over, self.notes, self.links = passed_over or {}, notes, links

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(
        self, index: int
    ) -> tuple[UInt8[Tensor, "3 height width"], int] | UInt8[Tensor, "3 height width"]:
        image = decode(self.paths[index])
        return image if self.labels is None else (image, self.labels[index])

    def described(self) -> list[str]:
        """The lines about these photos in the start report."""
        labels = "no labels" if self.labels is None else in_classes(self.classes)
        lines = [f"{printable(os.path.abspath(self.root))}: {len(self):,} photos, {labels}", *self.notes]
        if self.passed_over:
            lines.append(f"passed over: {in_counts(self.passed_over)}")
        if several := formats_with_several(self.paths):
            lines.append(f"the first frame where a file has several ({', '.join(several)})")
        return lines

    def __repr__(self) -> str:
        labels = "no labels" if self.labels is None else f"{len(self.classes)} classes"
        return f"{printable(self.root)}: {len(self):,} photos, {labels}"
