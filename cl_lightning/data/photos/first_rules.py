"""Rules 1 for finding photos: runs that began before a run stored its images continue with them."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from cl_lightning.data.photos.natural import natural
from cl_lightning.data.photos.photo_formats import FIRST, extension
from cl_lightning.data.photos.photo_tree import identity, unreadable


class FirstTree:
    """All photos below `top` in torchvision's formats. Like `PhotoTree`, which leaves out more files."""

    formats = FIRST
    links: frozenset[str] = frozenset()  # these rules treat links as other files

    def __init__(self, top: Path) -> None:
        self.top, self.passed_over = top, Counter[str]()

    @property
    def beside(self) -> list[str]:
        """Names of the photos in `top` itself."""
        return sorted(entry.name for entry in self.top.iterdir() if is_photo(entry.name) and entry.is_file())

    @property
    def folders(self) -> list[str]:
        """Names of the folders in `top`, without hidden ones."""
        names = [entry.name for entry in self.top.iterdir() if entry.is_dir()]
        return sorted((name for name in names if not name.startswith(".")), key=natural)

    def paths(self, folder: str = "") -> Iterator[str]:
        """Paths below `top`, or below its `folder`; a folder's own photos come before its sub-folders."""
        top = self.top / folder
        above = {str(top): {identity(top)}}
        for place, folders, files in os.walk(top, onerror=_refuse, followlinks=True):
            folders[:] = sorted((name for name in folders if not name.startswith(".")), key=natural)
            inside = {name: identity(os.path.join(place, name)) for name in folders}
            folders[:] = [name for name in folders if inside[name] not in above[place]]
            above |= {os.path.join(place, name): above[place] | {inside[name]} for name in folders}
            photos = sorted(filter(is_photo, files), key=natural)
            self.passed_over.update(_kind(name) for name in files if not is_photo(name))
            yield from (os.path.join(place, name) for name in photos)

    @staticmethod
    def class_of(folder: str) -> str:
        """The name of a class folder."""
        return folder


def is_photo(name: str) -> bool:
    """Whether a file's name is that of an image."""
    return name.lower().endswith(FIRST) and not name.startswith(".")


def _kind(name: str) -> str:
    return "hidden" if name.startswith(".") else extension(name) or "without an extension"


def _refuse(error: OSError) -> NoReturn:
    raise unreadable(error.filename, error) from error
