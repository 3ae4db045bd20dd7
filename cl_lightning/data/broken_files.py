"""Files of a data set that cannot be read."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from cl_lightning.distributed import rank, world_size
from cl_lightning.files import printable


class BrokenImageError(ValueError):
    """Files of the data set that cannot be decoded; the message names them."""

    path: str | None = None  # where it is one file
    paths: tuple[str, ...] = ()  # where there are several


class BrokenList:
    """The broken files that a run has met, each once, `limit` at most without those that were `removed`.

    `keep` is told each path that is new. Raises BrokenImageError, with all of them, for the first one beyond
    the limit.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.paths: list[str] = []
        self.removed: set[str] = set()
        self.keep: Callable[[str], None] | None = None

    def add(self, found: Mapping[str, str]) -> None:
        """Take files (path: what is wrong), and warn of those that are new."""
        for path, reason in found.items():
            if path not in self.paths:
                warnings.warn(f"{reason} The next readable image stands in for it.", stacklevel=2)
                if self.keep is not None:
                    self.keep(path)
        self.merge(found)

    def merge(self, paths: Iterable[str]) -> None:
        """Take files that another process has warned of."""
        self.paths += [path for path in dict.fromkeys(paths) if path not in self.paths]
        self.check()

    def check(self, paths: Iterable[str] | None = None) -> None:
        """Raises BrokenImageError for more of them, or of these, than the limit."""
        paths = self.paths if paths is None else dict.fromkeys(paths)
        counted = [path for path in paths if path not in self.removed]
        if len(counted) > self.limit:
            raise too_many(counted, self.limit)

    def restore(self, paths_by_process: list[list[str]]) -> None:
        """Go on with what the processes had met: each with its own, or with all where they were others."""
        if len(paths_by_process) == world_size():
            self.paths = list(paths_by_process[rank()])
        else:
            self.paths = list(dict.fromkeys(chain(*paths_by_process)))


def too_many(paths: Iterable[str], limit: int) -> BrokenImageError:
    """The error of more broken files than the user allows."""
    paths = list(paths)
    names = ", ".join(map(printable, paths))
    error = BrokenImageError(
        f"{len(paths)} images cannot be read, and data.max_broken={limit} allows {limit}: {names}. Repair "
        "them, or raise data.max_broken; cl-train also goes on once they are removed."
    )
    error.paths = tuple(paths)
    return error
