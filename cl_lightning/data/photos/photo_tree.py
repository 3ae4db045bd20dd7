"""Finds the photos below a folder, and counts what is not used."""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cl_lightning.data.photos.natural import natural
from cl_lightning.data.photos.own_files import holds_only_what_is_beside_runs, is_ours
from cl_lightning.data.photos.photo_formats import NAMED, extension, format_name, readable
from cl_lightning.files import printable

# Folders of systems, servers and viewers, such as thumbnails. Hidden files and folders are left out as well.
SYSTEM = {
    *("@eadir", "@recycle", "#recycle", "#snapshot", "@recently-snapshot", "$recycle.bin", "recycler"),
    *("system volume information", "lost+found", "found.000", "__macosx"),
    *("thumbnails", "_thumbnails", "thumbs", "_thumbs"),
}


class Listing(NamedTuple):
    """Names of the photos and folders in one folder."""

    photos: list[str]
    folders: list[str]


class PhotoTree:
    """All photos below `top`, each once, in natural order of their paths.

    Left out are hidden files and folders, folders of systems and viewers, and our own runs and reports. Links
    are left out if their target is read anyway, or is a folder that contains the link. `passed_over` counts
    all these, and other files by their extension.
    Raises ValueError for a folder that cannot be read.
    """

    def __init__(self, top: Path) -> None:
        self.top, self.passed_over = top, Counter[str]()
        self.formats = [end for end in NAMED if end in readable()]
        self._listed: dict[str, Listing] = {}
        self._of_runs: set[str] = set()
        self._read = {identity(folder): "" for folder in Path(os.path.realpath(top)).parents}
        self._linked_folders: list[str] = []
        self._linked_photos: list[str] = []
        self._read_all(str(top))
        while self._linked_folders:  # after all real folders
            links, self._linked_folders = sorted(self._linked_folders, key=natural), []
            for link in links:
                self._add_linked_folder(link)
        self._add_linked_photos()

    @property
    def links(self) -> frozenset[str]:
        """Paths that are links to photos."""
        return frozenset(self._linked_photos)

    @property
    def beside(self) -> list[str]:
        """Names of the photos in `top` itself."""
        return sorted(self._listed[str(self.top)].photos, key=natural)

    @property
    def folders(self) -> list[str]:
        """Names of the folders in `top`, without those that hold only runs."""
        names = sorted(self._listed[str(self.top)].folders, key=natural)
        return [name for name in names if not self._holds_runs_only(os.path.join(self.top, name))]

    def paths(self, folder: str = "") -> Iterator[str]:
        """Paths below `top`, or below its `folder`; a folder's own photos come before its sub-folders."""
        places = [os.path.join(self.top, folder) if folder else str(self.top)]
        while places:
            place = places.pop()
            listing = self._listed.get(place)
            if listing is not None:
                yield from (os.path.join(place, name) for name in sorted(listing.photos, key=natural))
                places += (os.path.join(place, n) for n in sorted(listing.folders, key=natural, reverse=True))

    @staticmethod
    def class_of(folder: str) -> str:
        """The name of a class folder in composed Unicode (NFC); macOS writes accents in another form."""
        return unicodedata.normalize("NFC", folder)

    def _read_all(self, top: str) -> None:
        """List a folder and all folders below it, and store links for later."""
        places = [top]
        while places:
            place = places.pop()
            self._read[identity(place)] = place
            places += (os.path.join(place, name) for name in self._list(place))

    def _list(self, place: str) -> list[str]:
        """List one folder; returns the names of its sub-folders."""
        try:
            with os.scandir(place) as entries:
                found = list(entries)
        except OSError as error:
            raise unreadable(place, error) from error
        if place != str(self.top) and is_ours(place, {entry.name for entry in found}):
            self.passed_over["run or report of cl_lightning"] += 1
            self._of_runs |= {place, *self._above(place)}
            return []
        listing = self._listed[place] = Listing([], [])
        for entry in found:
            self._take(entry, listing)
        if holds_only_what_is_beside_runs(entry.name for entry in found):
            self._of_runs.add(place)
        return list(listing.folders)

    def _above(self, place: str) -> Iterator[str]:
        """The folders below `top` that contain `place`."""
        while (place := os.path.dirname(place)) != str(self.top) and place:
            yield place

    def _take(self, entry: os.DirEntry[str], listing: Listing) -> None:
        if is_there(entry.is_dir):
            if left_out(entry.name):
                self.passed_over[f"folder {entry.name}"] += 1
            elif entry.is_symlink():
                self._linked_folders.append(entry.path)
            else:
                listing.folders.append(entry.name)
        elif entry.name.startswith("."):
            self.passed_over["hidden"] += 1
        elif extension(entry.name) not in readable():
            self.passed_over[format_name(extension(entry.name))] += 1
        elif not is_there(entry.is_file):
            self.passed_over["link to nothing" if entry.is_symlink() else "no regular file"] += 1
        elif entry.is_symlink():
            self._linked_photos.append(entry.path)
        else:
            listing.photos.append(entry.name)

    def _add_linked_folder(self, link: str) -> None:
        if identity(link) in self._read:
            self.passed_over["link to a folder that is read already"] += 1
        else:
            self._listed[os.path.dirname(link)].folders.append(os.path.basename(link))
            self._read_all(link)

    def _add_linked_photos(self) -> None:
        """Add the links whose target is not already among the photos."""
        own = {place: frozenset(listing.photos) for place, listing in self._listed.items()}
        for link in self._linked_photos:
            folder, name = os.path.split(os.path.realpath(link))
            if name in own.get(self._read.get(identity(folder), ""), ()):
                self.passed_over["link to a photo that is there already"] += 1
            else:
                self._listed[os.path.dirname(link)].photos.append(os.path.basename(link))

    def _holds_runs_only(self, folder: str) -> bool:
        return folder in self._of_runs and next(self.paths(os.path.basename(folder)), None) is None


def left_out(folder: str) -> bool:
    """Whether a folder of this name is hidden, or belongs to a system or viewer."""
    return folder.startswith(".") or folder.casefold() in SYSTEM


def is_there(kind: Callable[[], bool]) -> bool:
    """The result of an entry's `is_dir` or `is_file`; False for a link to nothing or to itself."""
    try:
        return kind()
    except OSError:
        return False


def unreadable(folder: str, error: OSError) -> ValueError:
    """The error for a folder that cannot be read."""
    return ValueError(
        f"cannot read the folder {printable(folder)} ({error}); accepted: folders that this user may read. "
        "Change its permissions, or set data.root to a folder without it."
    )


def identity(folder: str | Path) -> tuple[int, int]:
    """Device and inode number of a folder, which are the same under all its names."""
    found = os.stat(folder)
    return found.st_dev, found.st_ino
