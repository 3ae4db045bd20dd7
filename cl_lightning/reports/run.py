"""Reads a run folder, also while the run is training."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.files import printable
from cl_lightning.reports.metrics_file import Curve, read_curves
from cl_lightning.runs.contents import with_paths
from cl_lightning.runs.folder import RunFolder, State
from cl_lightning.runs.identity import determining, flat, run_hash


@dataclass(frozen=True)
class Run:
    """The content of a run folder when it was read; later changes are not seen.

    `hash` identifies the run. `keys` are the keys that determine the result, in command-line form. `numbers`
    are those in summary.json, empty before the run is finished. `reason` says why it failed.
    """

    folder: RunFolder
    config: Mapping[str, Any]
    hash: str
    keys: Mapping[str, Any]
    state: State
    numbers: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    reason: str = ""

    @property
    def seed(self) -> Any:
        return self.config["seed"]

    @property
    def metric(self) -> str:
        """The metric that a sweep compares; `knn_top1` for old runs, which lack this key."""
        return str(self.config["run"].get("metric", "knn_top1"))

    @property
    def epoch(self) -> int:
        """The last epoch of which something was logged."""
        return max((epoch for curve in self.curves.values() for epoch in curve), default=0)

    @property
    def epochs(self) -> Any:
        """The requested number of epochs."""
        return self.config["trainer"].get("max_epochs")


def read_run(folder: RunFolder) -> Run:
    """Read config.yaml, metrics.csv, and, depending on the run's state, summary.json or error.txt.

    Raises:
        ConfigError: config.yaml or summary.json is broken, or was removed in the meantime.
    """
    try:
        config = folder.config()
        state = folder.state()
        numbers = _numbers(folder) if state == "finished" else {}
        reason = _reason(folder) if state == "failed" else ""
    except OSError as error:
        raise ConfigError(f"{error.filename or folder.path}: {error.strerror}") from error
    try:
        identity, keys = run_hash(config), with_paths(flat(determining(config)), config)
    except (AttributeError, TypeError) as error:  # for example a date, which no run has
        raise ConfigError(f"{folder.path / 'config.yaml'} is broken: {error}") from error
    return Run(folder, config, identity, keys, state, numbers, read_curves(folder.metrics), reason)


def _numbers(folder: RunFolder) -> dict[str, float]:
    if (summary := folder.summary()) is None:
        raise ConfigError(f"{folder.path} has no summary.json any more")
    kept = {name: value for name, value in summary.items() if name != "seed"}
    return {name: v for name, v in kept.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}


def _reason(folder: RunFolder) -> str:
    """The last line of the traceback, which names the error, with the short name of its class."""
    try:
        lines = folder.error.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except FileNotFoundError:  # the run was started again
        return ""
    return printable(re.sub(r"^(\w+\.)+(?=\w+:)", "", lines[-1].strip())) if lines else ""
