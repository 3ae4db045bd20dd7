"""What the start of a run says of its images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cl_lightning.data.counts import in_classes
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.readable import bare
from cl_lightning.files import printable

NAMES = {"train": "training images", "val": "validation images", "bank": "compared with"}


def descriptions(sets: Mapping[str, MapStyle]) -> dict[str, list[str]]:
    """For each set, by what it is for: where it lies, how many images and classes, and what else there is.

    What was told of one set is not told again of the next.
    """
    told: dict[str, list[str]] = {}
    for name, part in sets.items():
        before = [line for lines in told.values() for line in lines]
        told[NAMES[name]] = [line for line in described(part) if line not in before]
    return told


def described(part: Any) -> list[str]:
    """A set in its own words, where it has a method `described`, else by what data sets commonly have."""
    part = bare(part)
    if hasattr(part, "described"):
        return list(part.described())
    place, names = getattr(part, "root", None), getattr(part, "classes", None)
    where = f" in {printable(place)}" if isinstance(place, (str, Path)) else ""
    named = isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names)
    classes = f", {in_classes(names)}" if named else ""  # type: ignore[arg-type]
    return [f"{type(part).__name__}{where}: {len(part):,} images{classes}"]
