"""The rows of an embedding: the name and the label of each image, over all data sets."""

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from jaxtyping import UInt8
from torch import Tensor

from cl_lightning.data import PhotoFolder, image_and_label
from cl_lightning.data.class_names import numbers_by_name
from cl_lightning.data.item import NO_LABEL
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.readable import bare
from cl_lightning.files import printable


class Rows:
    """The images of data sets, one set after the other, each in order.

    The name of a photo is its path below the common folder of all photos, with /; that of another image is
    SET/NUMBER. A label is the name of the class, or its number where the data set names none; empty where an
    image has none.
    """

    def __init__(self, sets: Mapping[str, MapStyle]) -> None:
        self.sets = {name: bare(part) for name, part in sets.items()}
        roots = {
            name: os.path.abspath(part.root)
            for name, part in self.sets.items()
            if isinstance(part, PhotoFolder)
        }
        top = os.path.commonpath(roots.values()) if roots else ""
        self._below = {name: os.path.relpath(root, top).replace(os.sep, "/") for name, root in roots.items()}
        self._classes = {
            name: {number: known for known, number in numbers_by_name(part).items()} | _of_photos(part)
            for name, part in self.sets.items()
        }

    def __len__(self) -> int:
        return sum(map(len, self.sets.values()))

    def name(self, of: str, index: int) -> str:
        """The name of image `index` of the set `of`."""
        part = self.sets[of]
        if not isinstance(part, PhotoFolder):
            return f"{of}/{index}"
        path = part.paths[index][len(os.path.join(str(part.root), "")) :].replace(os.sep, "/")
        path = path if self._below[of] == os.curdir else f"{self._below[of]}/{path}"
        return path if _is_text(path) else printable(path)

    def label(self, of: str, number: int) -> str:
        """The label that the set `of` gives as a number."""
        return "" if number == NO_LABEL else self._classes[of].get(number, str(number))

    def images(self, names: Collection[str]) -> dict[str, UInt8[Tensor, "channels height width"]]:
        """The images of these names, by name; those of other names are left out."""
        found = {}
        for of, index, name in self._named():
            if name in names:
                found[name] = image_and_label(self.sets[of][index])[0]
        return found

    def name_at(self, path: str) -> str | None:
        """The name of the row of a photo at this path, or of the row that has this name; None without one."""
        if not os.path.isfile(os.path.expanduser(path)):
            return path
        real = os.path.realpath(os.path.expanduser(path))
        for of, part in self.sets.items():
            for index, photo in enumerate(part.paths if isinstance(part, PhotoFolder) else ()):
                may_be = os.path.basename(photo) == os.path.basename(real) or photo in part.links
                if may_be and os.path.realpath(photo) == real:
                    return self.name(of, index)
        return None

    @cached_property
    def digest(self) -> str:
        """A hash of all names, in order."""
        found = hashlib.sha256()
        for _, _, name in self._named():
            found.update(name.encode() + b"\0")
        return found.hexdigest()

    def _named(self) -> Iterator[tuple[str, int, str]]:
        for of, part in self.sets.items():
            for index in range(len(part)):
                yield of, index, self.name(of, index)


def _of_photos(part: MapStyle) -> dict[int, str]:
    return dict(enumerate(part.classes)) if isinstance(part, PhotoFolder) else {}


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
