"""The files that a run could not read, remembered over all its starts."""

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

from cl_lightning.data import BrokenImageError, ContrastiveData
from cl_lightning.data.record.resumed import can_be_read
from cl_lightning.runs.folder import RunFolder

FILE = "broken_files.jsonl"  # one path in each line


def broken_files(folder: RunFolder) -> list[str]:
    """Files that the run could not read in any of its starts, in the form of `ImageSets.place_of`."""
    file = folder.path / FILE
    lines = file.read_text(encoding="ascii").splitlines() if file.is_file() else []
    return list(dict.fromkeys(json.loads(line) for line in lines))


def is_still_broken(path: str, data: ContrastiveData, places: Iterable[str]) -> bool:
    """Whether a file that a run could not read still exists and still can't be read.

    Also True for an item of a data set that is not files.

    Args:
        path: the file's path in the run.
        data: the present images, which may have been moved.
        places: the run's `broken_files`.
    """
    now = data.sets.path_now(path, places)
    if now is None:
        return not (os.path.exists(path) and can_be_read(path))
    return os.path.exists(now) and not can_be_read(now)


def keep_broken(folder: RunFolder, data: ContrastiveData, paths: Iterable[str]) -> None:
    """Remember files that the run could not read, on any process, so that they may be repaired or removed."""
    keep_places(folder, [data.sets.place_of(path) for path in paths])


def keep_places(folder: RunFolder, places: Iterable[str]) -> None:
    """As `keep_broken`, for files in the form of `ImageSets.place_of`."""
    if lines := [json.dumps(place) + "\n" for place in places]:
        with suppress(OSError), (folder.path / FILE).open("a", encoding="ascii") as file:
            file.write("".join(lines))


def broken_files_in(error: BaseException) -> Sequence[str]:
    """The unreadable files that caused an error; empty if it has another cause."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, BrokenImageError):
            return found.paths or ((found.path,) if found.path else ())
        found = found.__cause__ or found.__context__
    return ()
