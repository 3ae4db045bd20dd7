"""The lines about a run's images in the start report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cl_lightning.data.counts import in_classes
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.readable import bare
from cl_lightning.files import printable

NAMES = {"train": "training images", "val": "validation images", "bank": "compared with"}


def descriptions(sets: Mapping[str, MapStyle]) -> dict[str, list[str]]:
    """For each data set, under the name of its use: its folder, its images and classes, and notes.

    A line that stands under one data set is not repeated under the next.
    """
    lines: dict[str, list[str]] = {}
    for name, part in sets.items():
        before = {line for earlier in lines.values() for line in earlier}
        lines[NAMES[name]] = [line for line in described(part) if line not in before]
    return lines


def described(part: Any) -> list[str]:
    """What the data set's method `described` returns; without one, its type, folder, length and classes."""
    part = bare(part)
    if hasattr(part, "described"):
        return list(part.described())
    place, names = getattr(part, "root", None), getattr(part, "classes", None)
    where = f" in {printable(place)}" if isinstance(place, (str, Path)) else ""
    named = isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names)
    classes = f", {in_classes(names)}" if named else ""  # type: ignore[arg-type]
    return [f"{type(part).__name__}{where}: {len(part):,} images{classes}"]
