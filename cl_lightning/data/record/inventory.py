"""The inventory of a data set: stored with a run, and compared when it is resumed or evaluated."""

import gzip
import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from typing import Any

import torch
from jaxtyping import UInt8
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from cl_lightning.data.item import image_and_label
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.accents import under_names_of
from cl_lightning.data.photos.held_out import share
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.readable import bare
from cl_lightning.files import printable

ITEMS_READ = 8  # so many items are read of a data set that is not files
FILES_READ = 32  # so many files are read: photos in another folder may have the same names and sizes
BYTES_READ = 2**20  # so many bytes are read of each
LISTED = 3  # so many names of each kind are in a message
GONE = -1  # the size of a file that does not exist


@dataclass(frozen=True)
class Files:
    """A data set that is a list of files, in order.

    Args:
        root: the real path of the folder.
        paths: the files' paths below it, with /.
        sizes: the files' sizes in bytes.
        labels, classes: as in a `PhotoFolder`.
        digests: hashes of the content of some files, by path.
    """

    root: str
    paths: Sequence[str]
    sizes: Sequence[int]
    labels: Sequence[int] | None
    classes: Sequence[str]
    digests: Mapping[str, str] = field(default_factory=dict)

    def changes(self, now: "Inventory", may_differ: Collection[str] = ()) -> str:
        """How `now` differs, as text; empty if it does not. The order may differ: a run keeps its own.

        Args:
            now: the present inventory.
            may_differ: paths of broken files, which may have been repaired or removed.
        """
        if not isinstance(now, Files):
            return "no files any more"
        found = self.differences(now, may_differ)
        return ", ".join(named(what, paths) for what, paths in found.items() if paths)

    def differences(self, now: "Files", may_differ: Collection[str]) -> dict[str, list[str]]:
        """The paths of the files that differ, by how they do."""
        now, may_differ = now.under_names_of(self), set(under_names_of(self.paths, [*may_differ]))
        there, here = set(self.paths), set(now.paths)
        return {
            "new": [path for path in now.paths if path not in there],
            "gone": [path for path in self.paths if path not in here and path not in may_differ],
            "of another size": [path for path in self.of_another_size(now) if path not in may_differ],
            "with other content": [path for path in self.of_other_content(now) if path not in may_differ],
        }

    def under_names_of(self, then: "Files") -> "Files":
        """The same files; a name takes its form in `then` if only the Unicode form differs."""
        if self.paths == then.paths:
            return self
        names = dict(zip(self.paths, under_names_of(then.paths, self.paths), strict=True))
        digests = {names.get(path, path): digest for path, digest in self.digests.items()}
        return replace(self, paths=list(names.values()), digests=digests)

    def of_another_size(self, now: "Files") -> list[str]:
        """Paths of the files that are in both, but with different sizes."""
        sizes = dict(zip(now.paths, now.sizes, strict=True))
        return [p for p, size in zip(self.paths, self.sizes, strict=True) if sizes.get(p, size) != size]

    def of_other_content(self, now: "Files") -> list[str]:
        """Paths of the files that are in both with the same size, but with different digests."""
        resized = set(self.of_another_size(now))
        common = [path for path in self.digests if path in now.digests and path not in resized]
        return [path for path in common if self.digests[path] != now.digests[path]]


@dataclass(frozen=True)
class Items:
    """Any other data set: its length, and digests of some of its items by number.

    An item has no digest if it differs each time it is read, or cannot be read.
    """

    length: int
    digests: dict[str, str]

    def changes(self, now: "Inventory", may_differ: Collection[str] = ()) -> str:
        """As in `Files`; `may_differ` has no effect, because items have no paths."""
        if not isinstance(now, Items):
            return "it is a folder of files now, and was not before"
        if now.length != self.length:
            return f"{now.length:,} images now, {self.length:,} then"
        common = [number for number in self.digests if number in now.digests]
        other = [f"image {number}" for number in common if self.digests[number] != now.digests[number]]
        return named("other", other) if other else ""


Inventory = Files | Items


def inventory(part: MapStyle) -> Inventory:
    """The present inventory of `part`. Reads the size of every file and some contents, or a few items."""
    dataset = bare(part)
    if isinstance(dataset, PhotoFolder):
        return _files(dataset)
    numbers = sorted({round(i) for i in torch.linspace(0, len(dataset) - 1, ITEMS_READ).tolist()})
    with isolate_rng():  # a Dataset may use the random generators of training
        digests = {str(number): _digest(dataset, number) for number in numbers}
    return Items(len(dataset), {number: digest for number, digest in digests.items() if digest})


def below(photos: PhotoFolder) -> list[str]:
    """The paths of photos below their folder, with /."""
    above = os.path.join(str(photos.root), "")
    return [path.removeprefix(above).replace(os.sep, "/") for path in photos.paths]


def _files(photos: PhotoFolder) -> Files:
    paths = below(photos)
    labels = None if photos.labels is None else list(photos.labels)
    sizes = [_size(path) for path in photos.paths]
    digests = _of_some(dict(zip(paths, photos.paths, strict=True)))
    return Files(os.path.realpath(photos.root), paths, sizes, labels, list(photos.classes), digests)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return GONE


def _of_some(places: Mapping[str, str]) -> dict[str, str]:
    """Digests of some files, chosen by their paths; files that can't be read are skipped."""
    digests = {}
    for path in nsmallest(FILES_READ, places, key=share):
        with suppress(OSError), open(places[path], "rb") as file:
            digests[path] = hashlib.sha256(file.read(BYTES_READ)).hexdigest()[:16]
    return digests


def _digest(dataset: MapStyle, number: int) -> str:
    try:
        one, other = (_hashed(dataset[number]) for _ in range(2))
    except Exception:  # an error in a user's own Dataset; training reports it
        return ""
    return one if one == other else ""


def _hashed(item: Any) -> str:
    image, label = image_and_label(item)
    about = f"{list(image.shape)} {label} ".encode()
    return hashlib.sha256(about + image.contiguous().numpy().tobytes()).hexdigest()[:16]


def named(what: str, names: Sequence[str]) -> str:
    """The number of files of a kind, and the names of the first."""
    more = ", ..." if len(names) > LISTED else ""
    return f"{len(names):,} {what} ({', '.join(map(printable, names[:LISTED]))}{more})"


def packed(content: Inventory) -> UInt8[Tensor, " bytes"]:
    """The inventory as a tensor, for a checkpoint."""
    return torch.frombuffer(bytearray(compressed(vars(content))), dtype=torch.uint8)


def unpacked(content: UInt8[Tensor, " bytes"]) -> Inventory:
    """The inverse of `packed`."""
    return from_dict(decompressed(content.numpy().tobytes()))


def from_dict(content: dict[str, Any]) -> Inventory:
    """The inventory whose `vars` are `content`."""
    return Files(**content) if "paths" in content else Items(**content)


def compressed(content: Any) -> bytes:
    """JSON in gzip. File names that are not valid text survive unchanged."""
    return gzip.compress(json.dumps(content).encode("ascii"), compresslevel=1, mtime=0)


def decompressed(content: bytes) -> Any:
    """The inverse of `compressed`."""
    return json.loads(gzip.decompress(content))
