"""The message at the end of a run."""

from collections.abc import Sequence
from typing import Any

from cl_lightning.blueprints.allowed import by_script
from cl_lightning.runs.folder import RunFolder


def finished(folder: RunFolder, summary: dict[str, Any]) -> str:
    """The message for a run that was already finished."""
    return f"{folder.path} is finished: {_reached(summary)}"


def trained(folder: RunFolder, summary: dict[str, Any]) -> str:
    """The message for a run that has just been trained: its result, and what to look at next."""
    look = f"; look at {folder.report}" if folder.report.is_file() else ""
    evaluate = "" if summary["knn_top1"] is None else f", and try cl-eval {folder.path}"
    if evaluate and (packages := by_script()):
        evaluate += f" by {by_a_script(packages)}"
    return f"{folder.path}: {_reached(summary)}{look}{evaluate}"


def by_a_script(packages: Sequence[str]) -> str:
    """How to evaluate a run with parts of packages that no entry point allows."""
    calls = [f"cl_lightning.allow({package!r})" for package in packages]
    return f"a script that calls {', '.join(calls)} and cl_lightning.evaluate.main()"


def _reached(summary: dict[str, Any]) -> str:
    knn = summary["knn_top1"]
    return "no kNN accuracy" if knn is None else f"kNN accuracy {knn:.3f}"
