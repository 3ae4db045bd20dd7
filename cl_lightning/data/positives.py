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
        self._photos: PhotoFolder | None = None  # those whose labels are known
        self._labels: list[int] = []

    def labels(self, train: Any) -> list[int]:
        """The label of each image (the number of its group), -1 for no label; found once."""
        photos = bare(train)
        if photos is not self._photos:
            numbers: dict[str, int] = {}
            texts = [self._text(path) for path in below(photos)]
            found = [NO_LABEL if text is None else numbers.setdefault(text, len(numbers)) for text in texts]
            self._photos, self._labels = photos, found
        return self._labels

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
        if not sizes:
            wrong = "matches no path of data.train"
        elif max(sizes.values()) == 1:
            wrong = "matches no two paths of data.train with the same text"
        elif len(sizes) == 1 and not without:
            wrong = "matches all paths of data.train with the same text"
        else:
            return
        raise ValueError(
            f"data.positives is {self.pattern!r}, which {wrong}, such as {printable(below(bare(train))[0])}; "
            f"accepted: one that distinguishes groups of images, such as {EXAMPLE}, or null"
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
