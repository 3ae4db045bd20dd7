"""The data sets of a run, at present and when the run began."""

import os
import warnings
from collections.abc import Collection, Iterable, Mapping
from itertools import takewhile
from typing import Any

from torch import Tensor

from cl_lightning.data.broken_files import BrokenList
from cl_lightning.data.checks import check_same_images
from cl_lightning.data.class_names import numbered_alike
from cl_lightning.data.labelled import has_labels
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.accents import under_names_of
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.readable import bare, readable
from cl_lightning.data.record.apart import check_apart
from cl_lightning.data.record.inventory import Inventory, inventory, named, packed, unpacked
from cl_lightning.data.record.inventory import below as files_below
from cl_lightning.data.record.mended import gone, may_be_mended
from cl_lightning.data.record.resumed import changes, renumbered


class ImageSets:
    """The training images, and the queries and the bank of kNN (default bank: the training images).

    In data sets of files, other images replace broken files, up to the limit of `broken`.
    Raises ValueError for queries that are also training images or in the bank, see `check_apart`.
    """

    def __init__(
        self, train: MapStyle, val: MapStyle | None, bank: MapStyle | None, broken: BrokenList
    ) -> None:
        self.broken, max_broken = broken, broken.limit
        check_apart(val, {"train": train, "bank": bank})
        val = numbered_alike(val, train if bank is None else bank)
        self.train, self.val = readable(train, max_broken), readable(val, max_broken)
        self.bank = self.train if bank is None else readable(bank, max_broken)
        self._inventories: dict[str, Inventory] = {}
        self._in_checkpoint: dict[str, Tensor] = {}

    def own(self) -> dict[str, MapStyle]:
        """Each data set once, by its key."""
        sets = {"train": self.train, "val": self.val, "bank": None if self.bank is self.train else self.bank}
        return {name: part for name, part in sets.items() if part is not None}

    def evaluated(self) -> dict[str, MapStyle]:
        """Queries and bank, by their keys."""
        if self.val is None:
            return {}
        bank = {"train" if self.bank is self.train else "bank": self.bank} if self.has_labels else {}
        return {"val": self.val, **bank}

    @property
    def has_labels(self) -> bool:
        """Whether `bank` and `val` both have labels; False without `val`."""
        return self.val is not None and has_labels(self.val) and has_labels(self.bank)

    @property
    def may_lack_files(self) -> bool:
        """Whether other images may replace files that can't be read."""
        return bool(self.broken.limit or self.broken.removed)

    def inventories(self) -> dict[str, Inventory]:
        """The inventory of each data set, by its key; in a resumed run, the one with which it began."""
        for name, part in self.own().items():
            if name not in self._inventories:
                self._inventories[name] = inventory(part)
        return self._inventories

    def packed(self) -> dict[str, Tensor]:
        """The inventories as a checkpoint holds them."""
        if not self._in_checkpoint:
            self._in_checkpoint = {name: packed(part) for name, part in self.inventories().items()}
        return self._in_checkpoint

    def go_on_with(
        self, then: Mapping[str, Inventory], broken: Collection[str], run: Any, accepted: str, compare: bool
    ) -> None:
        """Number the images as in the run that is resumed. Its `broken` files may be gone.

        Args:
            then: the run's `inventories`.
            broken: the files that the run could not read, in the form of `place_of`.
            run, accepted: the run's name and the advice, for the error message.
            compare: whether to compare all files; one process on each machine is enough.

        Raises:
            ValueError: the images have changed.
        """
        sets, met = self.own(), met_in_sets(broken)
        for name in self._differing(then):
            found = changes(then[name], inventory(sets[name]), met.get(name, ())) if compare else ""
            if found:
                raise ValueError(f"data.{name} is not what {run} began with: {found}; accepted: {accepted}")
            part, gone = renumbered(sets[name], then[name], met.get(name, ()))
            part = readable(part, self.broken.limit, gone)
            if name == "train" and self.bank is self.train:
                self.bank = part
            setattr(self, name, part)
            self.broken.removed |= set(gone.values())
            self._inventories[name] = then[name]
            self._in_checkpoint.clear()

    def go_on_from(
        self,
        state_dict: Mapping[str, Any],
        run: Any,
        accepted: str,
        compare: bool,
        may_lack: int | None = None,
    ) -> None:
        """As `go_on_with`, with the inventories in a checkpoint's `state_dict` of the data module.

        A checkpoint does not know the files that broke after it. So up to `may_lack` photos that are gone, or
        others than then, count as such files, with a warning (None: no photo).
        """
        then = {name: unpacked(part) for name, part in state_dict.get("inventories", {}).items()}
        broken, mended = state_dict.get("broken", ()), []
        if may_lack is not None:
            sets, met = {name: self.own()[name] for name in self._differing(then)}, met_in_sets(broken)
            mended = may_be_mended(sets, then, met) if compare else gone(sets, then, met)
        if len(mended) > (may_lack or 0):
            accepted += f", or data.max_broken={len(mended)} if these were broken"
            mended = []
        elif mended and compare:
            told = named("gone or others", [place.partition(":")[2] for place in mended])
            warnings.warn(f"photos that {run} began with: {told}; they count as broken then.", stacklevel=2)
        self.go_on_with(then, [*broken, *mended], run, accepted, compare)
        self.broken.removed -= {path for path in self.broken.removed if self.place_of(path) in mended}
        check_same_images(state_dict.get("images", {}), self.own(), run, accepted)

    def _differing(self, then: Mapping[str, Inventory]) -> list[str]:
        """The data sets that may differ from those of a run."""
        return [name for name in self.own() if name in then and self._inventories.get(name) != then[name]]

    def place_of(self, path: str) -> str:
        """SET:PATH of a file, with its path below the folder of its set; the whole path if no set has it."""
        for name, photos in [(name, bare(part)) for name, part in self.own().items()]:
            if isinstance(photos, PhotoFolder) and path in photos.paths:
                return f"{name}:{os.path.relpath(path, photos.root)}".replace(os.sep, "/")
        return path

    def path_now(self, path: str, places: Iterable[str]) -> str | None:
        """The present path of a file that the run met at `path`; its folder may have been moved since.

        If the file is gone, the path where it would be. None if none of the run's `places` (in the form of
        `place_of`) belongs to the file.
        """
        found = []
        for name, paths in met_in_sets(places).items():
            photos = bare(self.own().get(name))
            if isinstance(photos, PhotoFolder):
                there = [below for below in paths if f"/{path}".replace(os.sep, "/").endswith(f"/{below}")]
                names = dict(zip(under_names_of(there, files_below(photos)), photos.paths, strict=True))
                found += [names.get(below, os.path.join(str(photos.root), below)) for below in there]
        return max(found, key=lambda now: _equal_ends(now, path), default=None)


def _equal_ends(one: str, other: str) -> int:
    parts = zip(one.split(os.sep)[::-1], other.split(os.sep)[::-1], strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], parts)))


def met_in_sets(places: Iterable[str]) -> dict[str, set[str]]:
    """The paths in `places` (in the form of `place_of`), grouped by data set."""
    met: dict[str, set[str]] = {}
    for name, _, path in (place.partition(":") for place in places):
        met.setdefault(name, set()).add(path)
    return met
