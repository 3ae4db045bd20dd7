"""Whether a file that exists holds the vectors that the command would make."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cl_lightning.blueprints import ConfigError
from cl_lightning.embedding.formats import Format, NamedRows
from cl_lightning.embedding.rows import Rows
from cl_lightning.embedding.source import Source
from cl_lightning.files import printable

SAME = ("checkpoint", "encoder", "layer")  # of two descriptions of one network
AGREE = 1e-3  # of the largest value: two devices round otherwise
ACCEPTED = "accepted: the run, --layer and --encoder that it was made with, or another --to"


def check_made_by(source: Source, about: Mapping[str, Any], rows: Rows, file: Path, form: Format) -> None:
    """Compare the description of a file with `about`; without one, compute its first row again.

    Raises:
        ConfigError: another network or layer made the file; it is of other images, or none of cl-embed.
    """
    try:
        found, first = form.about(file), next(iter(form.read(file)), None)
        if first is None:
            raise ValueError("it has no rows")
    except Exception as error:  # any file may have this name
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(
            f"{file} is no file of cl-embed ({reason}); accepted: one, or another --to"
        ) from error
    if found is None:
        _check_row(first, source, rows, file)
    elif differs := [name for name in SAME if found.get(name) != about[name]]:
        raise ConfigError(f"{file} was made with another {', '.join(differs)}; {ACCEPTED}")


def _check_row(first: NamedRows, source: Source, rows: Rows, file: Path) -> None:
    name = first.files[0]
    image = rows.images({name}).get(name)
    if image is None:
        raise ConfigError(
            f"{file} has a row of {printable(name)}, which these images lack; accepted: the images that it "
            "was made from"
        )
    there, here = torch.from_numpy(first.vectors[0].copy()), source.vectors([image])[0]
    if len(there) != len(here) or (there - here).abs().max() > AGREE * here.abs().max():
        raise ConfigError(f"{file} has other vectors than this run's; {ACCEPTED}")
