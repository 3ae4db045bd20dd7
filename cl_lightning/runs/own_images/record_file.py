"""The file in a run folder that records the run's images."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cl_lightning.blueprints import ConfigError
from cl_lightning.data.record.inventory import Files, Inventory, decompressed, from_dict
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.own_images.roots import place_now

FILE = "images.json.gz"


class OtherImagesError(ConfigError):
    """The images are not those with which a run began."""


class Images(NamedTuple):
    """A run's images when it began.

    Args:
        rules: the rules by which photos and splits were found, see `image_folder`.
        roots: real paths of folders, by their keys, such as data.root.
        sets: the inventory of each data set, by its key below `data`.
    """

    rules: int
    roots: dict[str, str]
    sets: dict[str, Inventory]

    def moved_from(self, before: Mapping[str, str]) -> "Images":
        """The same with the present folders of the data sets, if they were below the roots `before`."""
        sets = {
            name: replace(part, root=place_now(part.root, name, before, self.roots))
            if isinstance(part, Files)
            else part
            for name, part in self.sets.items()
        }
        return self._replace(sets=sets)


def kept(folder: RunFolder) -> Images | None:
    """A run's record; None if it has not begun, or began before runs had a record.

    Raises:
        ConfigError: the file is damaged.
        PermissionError: this user may not read it.
    """
    file = folder.path / FILE
    if not file.is_file():
        return None
    found = file.stat()
    return _read(file, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=1)  # it may list a million files, and is read several times when a run starts
def _read(file: Path, version: tuple[int, ...]) -> Images:
    """The content of a file; `version` changes when the file does."""
    try:
        content = decompressed(file.read_bytes())
        sets = {name: from_dict(part) for name, part in content["sets"].items()}
        return Images(content["rules"], content["roots"], sets)
    except PermissionError:  # the file may be intact
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file} can't be read ({error}); accepted: a copy of the file that the run wrote, or a new run "
            "in another run.root"
        ) from error
