"""The rows of the printed table."""

from collections.abc import Sequence
from typing import Any

from cl_lightning.runs.evaluating.start import ORIGINS
from cl_lightning.runs.folder import RunFolder

BASELINES = {"pixels": "raw pixels", "untrained": "untrained encoder"}
BEGAN_WITH = {"starting": "starting weights", "parent": "parent"}


def in_rows(
    evaluations: Sequence[tuple[RunFolder, dict[str, Any]]], asked_for: Sequence[RunFolder]
) -> dict[str, dict[str, Any]]:
    """The results of each evaluation under a name of its own."""
    alike = len({folder.path.name for folder in asked_for}) < len(asked_for)
    rows: dict[str, dict[str, Any]] = {}
    for folder, evaluation in evaluations:
        run = str(folder.path) if alike else folder.path.name
        name = _name(evaluation, run)
        rows[f"{name} in {run}" if name in rows else name] = evaluation["results"]
    return rows


def _name(evaluation: dict[str, Any], run: str) -> str:
    source = evaluation["encoder"]
    if source in ORIGINS:
        return f"{BEGAN_WITH[source]} ({evaluation['weights']['source']})"
    return BASELINES.get(source, f"{run} ({source})")
