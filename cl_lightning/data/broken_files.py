"""Files of a data set that cannot be read."""

import warnings
from collections.abc import Iterable, Mapping
from itertools import chain

from cl_lightning.distributed import rank, world_size


class BrokenImageError(ValueError):
    """Files of the data set that cannot be decoded; the message names them."""

    path: str | None = None  # where it is one file


class BrokenList:
    """The broken files that a run has met, each once, `limit` at most.

    Raises BrokenImageError, with all of them, for the first one beyond the limit.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.paths: list[str] = []

    def add(self, found: Mapping[str, str]) -> None:
        """Take files (path: what is wrong), and warn of those that are new."""
        for path, reason in found.items():
            if path not in self.paths:
                warnings.warn(f"{reason} The next readable image stands in for it.", stacklevel=2)
        self.merge(found)

    def merge(self, paths: Iterable[str]) -> None:
        """Take files that another process has warned of."""
        self.paths += [path for path in dict.fromkeys(paths) if path not in self.paths]
        if len(self.paths) > self.limit:
            raise too_many(self.paths, self.limit)

    def restore(self, paths_by_process: list[list[str]]) -> None:
        """Go on with what the processes had met: each with its own, or with all where they were others."""
        if len(paths_by_process) == world_size():
            self.paths = list(paths_by_process[rank()])
        else:
            self.paths = list(dict.fromkeys(chain(*paths_by_process)))


def too_many(paths: Iterable[str], limit: int) -> BrokenImageError:
    """The error of more broken files than the user allows."""
    paths = list(paths)
    return BrokenImageError(
        f"{len(paths)} images cannot be read, and data.max_broken={limit} allows {limit}: {', '.join(paths)}"
        ". Repair or remove them, or raise data.max_broken."
    )
