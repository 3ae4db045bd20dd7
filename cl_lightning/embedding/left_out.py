"""Files that can't be read: they have no row, up to a limit."""

import sys
from collections.abc import Iterable, Mapping

from tqdm import tqdm

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks.bars import redraws
from cl_lightning.data import BrokenImageError
from cl_lightning.files import printable


class LeftOut:
    """Counts the files without a row, and names each once on stderr.

    Raises:
        ConfigError: there are more than `limit` (`data.max_broken`).
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.paths: list[str] = []

    def add(self, found: Mapping[str, str]) -> None:
        """Add files (path: what is wrong)."""
        for path, reason in found.items():
            if path not in self.paths:
                self.paths.append(path)
                write = tqdm.write if redraws() else print  # a bar on a terminal stays below the line
                write(f"cl-embed: left out: {reason}", file=sys.stderr)
        self.check(self.paths)

    def check(self, paths: Iterable[str]) -> None:
        """Refuse these paths if they are more than the limit."""
        paths = list(paths)
        if len(paths) > self.limit:
            raise too_many(paths)


def too_many(paths: list[str], reason: str = "") -> ConfigError:
    """The error for more files than the user allows."""
    why = f" ({reason})" if reason else ""
    return ConfigError(
        f"can't read {', '.join(map(printable, paths))}{why}; accepted: the same images, repaired, or "
        f"data.max_broken={len(paths)} or more, which leaves so many out; the same command goes on with the "
        "rows that are there"
    )


def explained(error: BrokenImageError) -> ConfigError:
    """The error for files that training would replace by others."""
    if error.path is None:
        return too_many(list(error.paths))
    what = str(error).partition("; accepted: ")[0]
    return too_many([error.path], what.partition(" (")[2].removesuffix(")"))
