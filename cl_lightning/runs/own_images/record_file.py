"""The file in a run folder that tells what the run's images are."""

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
    """Images that are not those that a run began with."""


class Images(NamedTuple):
    """A run's images as it began.

    Args:
        rules: by which they were found and shared out, see `image_folder`.
        roots: resolved folders, by their keys, such as data.root.
        sets: what each consists of, by its key below `data`.
    """

    rules: int
    roots: dict[str, str]
    sets: dict[str, Inventory]

    def moved_from(self, before: Mapping[str, str]) -> "Images":
        """With the folders of the sets where they are now, if they were below the roots `before`."""
        sets = {
            name: replace(part, root=place_now(part.root, name, before, self.roots))
            if isinstance(part, Files)
            else part
            for name, part in self.sets.items()
        }
        return self._replace(sets=sets)


def kept(folder: RunFolder) -> Images | None:
    """What a run kept; None where it has not begun, or had begun before runs kept anything.

    Raises:
        ConfigError: the file is damaged.
        PermissionError: this user may not read it.
    """
    file = folder.path / FILE
    if not file.is_file():
        return None
    found = file.stat()
    return _read(file, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=1)  # of a million files, asked for several times as a run starts
def _read(file: Path, version: tuple[int, ...]) -> Images:
    """The content of a file, which is another one once its `version` is."""
    try:
        content = decompressed(file.read_bytes())
        sets = {name: from_dict(part) for name, part in content["sets"].items()}
        return Images(content["rules"], content["roots"], sets)
    except PermissionError:  # the file may be whole
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file} can't be read ({error}); accepted: the file that the run wrote, from a copy, or a new "
            "run in another run.root"
        ) from error
