"""Labels of training images from their paths, for example one label for each patient or video."""

import copy
import re
from collections import Counter
from typing import Any

from cl_lightning.data.item import NO_LABEL
from cl_lightning.data.photos.accents import composed
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.readable import ReadableImages, bare
from cl_lightning.data.record.inventory import below
from cl_lightning.files import printable

EXAMPLE = """data.positives='"^([^/]+)/"' for the first folder"""


class PathPositives:
    """Gives training images the same label if a regular expression matches the same text in their paths.

    The text is that of the first group in the expression; without a group, of the whole match. An image
    without a match has no label. Paths are relative to the folder of the data set, with / between folders.

    Raises:
        ValueError: `pattern` is no regular expression, or `train` has no paths.
    """

    def __init__(self, pattern: str, train: Any) -> None:
        self.pattern = pattern
        try:
            self._compiled = re.compile(composed(pattern))
        except re.error as error:
            raise ValueError(
                f"data.positives is {pattern!r}, which is no regular expression ({error}); accepted: one, "
                f"such as {EXAMPLE}, or null"
            ) from error
        if not isinstance(bare(train), PhotoFolder):
            raise ValueError(
                f"data.positives is {pattern!r}, but data.train is a {type(bare(train)).__name__}, without "
                "paths; accepted: null (labels are those of the set), or photos in folders, such as "
                "data=image_folder"
            )

    def labels(self, train: Any) -> list[int]:
        """The label of each image (the number of its group), -1 for no label."""
        numbers: dict[str, int] = {}
        texts = [self._text(path) for path in below(bare(train))]
        return [NO_LABEL if text is None else numbers.setdefault(text, len(numbers)) for text in texts]

    def relabelled(self, train: Any) -> Any:
        """The photos of `train` with these labels."""
        photos = copy.copy(bare(train))
        photos.labels = self.labels(train)
        if isinstance(train, ReadableImages):
            return ReadableImages(photos, train.max_broken, train.removed)
        return photos

    def check(self, train: Any) -> None:
        """Raises ValueError if no image matches, if all texts are different, or if all are equal."""
        sizes = Counter(self.labels(train))
        without = sizes.pop(NO_LABEL, 0)
        path = next(iter(below(bare(train))))
        wrong = None
        if not sizes:
            wrong = f"matches no path of data.train, such as {printable(path)}"
        elif max(sizes.values()) == 1:
            wrong = f"matches no two paths of data.train with the same text, such as {printable(path)}"
        elif len(sizes) == 1 and not without:
            wrong = f"matches all paths with the same text ({printable(str(self._text(path)))!r})"
        if wrong:
            raise ValueError(
                f"data.positives is {self.pattern!r}, which {wrong}; accepted: one that distinguishes groups "
                f"of images, such as {EXAMPLE}, or null"
            )

    def described(self, train: Any) -> str:
        """The number of groups, and of images without a group."""
        sizes = Counter(self.labels(train))
        without = sizes.pop(NO_LABEL, 0)
        rest = f"; {without:,} images without a group" if without else ""
        return f"{len(sizes):,} groups by path, of {sum(sizes.values()):,} training images{rest}"

    def _text(self, path: str) -> str | None:
        found = self._compiled.search(composed(path))
        return None if found is None else found[1 if self._compiled.groups else 0]
