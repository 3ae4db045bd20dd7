"""The rows of the printed table."""

from collections.abc import Sequence
from typing import Any

from cl_lightning.runs.evaluating.evaluation import Evaluation
from cl_lightning.runs.folder import RunFolder

BASELINES = {"pixels": "raw pixels", "untrained": "untrained encoder"}
OTHERS = {"starting": "starting weights", "parent": "parent", "imagenet": "ImageNet weights"}


def in_rows(evaluations: Sequence[Evaluation], asked_for: Sequence[RunFolder]) -> dict[str, Evaluation]:
    """Each evaluation under a name of its own."""
    alike = len({folder.path.name for folder in asked_for}) < len(asked_for)
    rows: dict[str, Evaluation] = {}
    for evaluation in evaluations:
        path = evaluation.folder.path
        run = str(path) if alike else path.name
        name = _name(evaluation.content, run)
        rows[f"{name} in {run}" if name in rows else name] = evaluation
    return rows


def _name(content: dict[str, Any], run: str) -> str:
    source = content["encoder"]
    if source in OTHERS:
        return f"{OTHERS[source]} ({content['weights']['source']})"
    return BASELINES.get(source, f"{run} ({source})")
