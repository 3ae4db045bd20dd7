"""Image files that cannot be read."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from cl_lightning.distributed import rank, world_size
from cl_lightning.files import printable


class BrokenImageError(ValueError):
    """Files of the data set that cannot be decoded; the message names them."""

    path: str | None = None  # for one file
    paths: tuple[str, ...] = ()  # for several files


class BrokenList:
    """The broken files that a run has met, each path once.

    At most `limit` of them are allowed; files that have been `removed` since are not counted. `keep` is
    called with each new path. Raises BrokenImageError, which names all of them, once the limit is exceeded.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.paths: list[str] = []
        self.removed: set[str] = set()
        self.keep: Callable[[str], None] | None = None

    def add(self, found: Mapping[str, str]) -> None:
        """Add files (path: what is wrong), and warn about those that are new."""
        for path, reason in found.items():
            if path not in self.paths:
                warnings.warn(f"{reason} The next readable image stands in for it.", stacklevel=2)
                if self.keep is not None:
                    self.keep(path)
        self.merge(found)

    def merge(self, paths: Iterable[str]) -> None:
        """Add files that another process has warned about."""
        self.paths += [path for path in dict.fromkeys(paths) if path not in self.paths]
        self.check()

    def check(self, paths: Iterable[str] | None = None) -> None:
        """Raises BrokenImageError when these paths (default: those met so far) exceed the limit."""
        paths = self.paths if paths is None else dict.fromkeys(paths)
        counted = [path for path in paths if path not in self.removed]
        if len(counted) > self.limit:
            raise too_many(counted, self.limit)

    def restore(self, paths_by_process: list[list[str]]) -> None:
        """Restore what each process had met; with another number of processes, each gets all of them."""
        if len(paths_by_process) == world_size():
            self.paths = list(paths_by_process[rank()])
        else:
            self.paths = list(dict.fromkeys(chain(*paths_by_process)))


def too_many(paths: Iterable[str], limit: int) -> BrokenImageError:
    """The error for more broken files than the user allows."""
    paths = list(paths)
    names = ", ".join(map(printable, paths))
    error = BrokenImageError(
        f"{len(paths)} images cannot be read, and data.max_broken={limit} allows {limit}: {names}. Repair "
        "them, or raise data.max_broken; cl-train also goes on once they are removed."
    )
    error.paths = tuple(paths)
    return error
