"""What a run folder holds, for its report; what an older version did not write is empty."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cl_lightning.files import printable
from cl_lightning.reports.metrics_file import Curve, read_curves
from cl_lightning.runs.folder import RunFolder


@dataclass(frozen=True)
class Content:
    """The files of a run.

    Args:
        name: that of the folder.
        config, config_text: config.yaml.
        summary: summary.json.
        curves: metrics.csv by epoch.
        evaluations: what is in each evaluation-NAME.json, by NAME; None if it can't be read.
        pictures: PNG files: those of plots/ by their names, those of evaluations as `confusion-NAME`.
    """

    name: str
    config: Mapping[str, Any]
    config_text: str
    summary: Mapping[str, Any]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    evaluations: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    def group(self, name: str) -> Mapping[str, Any]:
        """A group of the config, such as `loss`; empty if the run has none."""
        found = self.config.get(name)
        return found if isinstance(found, Mapping) else {}

    def measured(self, name: str) -> float | None:
        """A number of summary.json; None if it was not measured."""
        found = self.summary.get(name)
        return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None

    def mapping(self, name: str) -> Mapping[str, Any]:
        """A part of summary.json with keys of its own, such as `machine`; empty if there is none."""
        found = self.summary.get(name)
        return found if isinstance(found, Mapping) else {}

    def listed(self, name: str) -> Sequence[Any] | None:
        """A list in summary.json, such as `health`; None if there is none."""
        found = self.summary.get(name)
        return found if isinstance(found, list) else None


def content(folder: RunFolder, summary: Mapping[str, Any]) -> Content:
    """Read a run folder whose summary.json has, or will have, this content.

    Raises:
        ConfigError: it is no run folder.
    """
    config = folder.config()
    return Content(
        name=printable(folder.path.resolve().name),
        config=config if isinstance(config, Mapping) else {},
        config_text=(folder.path / "config.yaml").read_text(encoding="utf-8", errors="replace"),
        summary=summary,
        curves=read_curves(folder.metrics),
        evaluations=dict(_evaluations(folder.path)),
        pictures=_pictures(folder),
    )


def _evaluations(path: Path) -> list[tuple[str, Mapping[str, Any] | None]]:
    found: list[tuple[str, Mapping[str, Any] | None]] = []
    for file in sorted(path.glob("evaluation-*.json"), key=_trained_first):
        read = None
        with suppress(OSError, ValueError):
            read = json.loads(file.read_text(encoding="utf-8"))
        is_whole = isinstance(read, dict) and isinstance(read.get("results"), dict)
        found.append((file.stem.removeprefix("evaluation-"), read if is_whole else None))
    return found


def _trained_first(file: Path) -> tuple[bool, str]:
    """The trained encoders come before what they are compared with."""
    return not file.stem.startswith(("evaluation-query", "evaluation-key")), file.stem


def _pictures(folder: RunFolder) -> dict[str, bytes]:
    files = sorted(folder.plots.glob("*.png"))
    for kind in ("confusion", "map"):
        files += sorted(folder.path.glob(f"{kind}-*.png"))
    found = {}
    for file in files:
        with suppress(OSError):
            found[file.stem] = file.read_bytes()
    return found
