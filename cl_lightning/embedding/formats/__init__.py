"""The files that an embedding can be: written and read in blocks of rows, so that few are in memory."""

from pathlib import Path

from cl_lightning.blueprints import ConfigError
from cl_lightning.embedding.formats import csv_file, npz, parquet
from cl_lightning.embedding.formats.table import Format, NamedRows, Table

FORMATS: dict[str, Format] = {
    ".parquet": Format(parquet.check, parquet.write, parquet.read, parquet.about),
    ".npz": Format(npz.check, npz.write, npz.read, npz.about),
    ".csv": Format(csv_file.check, csv_file.write, csv_file.read, csv_file.about),
}


def format_of(file: Path) -> Format:
    """The format of a file, by the end of its name.

    Raises:
        ConfigError: it is none that we know, or a package for it is missing.
    """
    if file.suffix not in FORMATS:
        raise ConfigError(f"--to is {file}; accepted: a name that ends with {', '.join(FORMATS)}")
    found = FORMATS[file.suffix]
    found.check()
    return found


__all__ = ["FORMATS", "Format", "NamedRows", "Table", "format_of"]
