"""One run as its folder tells of it, at any time."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from cl_lightning.blueprints import ConfigError
from cl_lightning.files import printable
from cl_lightning.reports.metrics_file import Curve, read_curves
from cl_lightning.runs.folder import RunFolder, State
from cl_lightning.runs.identity import determining, flat, run_hash

GROUPS = ("run", "data", "callbacks", "encoder", "trainer")  # without which a config is none of ours


@dataclass(frozen=True)
class Run:
    """A run folder that was read once: what was written to it since does not show.

    `hash` names the run; `keys` are those that determine the result, as the command line takes them;
    `numbers` are those of summary.json, none before the run is finished; `reason` tells why it failed.
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
        """What a sweep compares; runs that are older than the key have none."""
        return str(self.config["run"].get("metric", "knn_top1"))

    @property
    def epoch(self) -> int:
        """Epochs of which anything was logged."""
        return max((epoch for curve in self.curves.values() for epoch in curve), default=0)

    @property
    def epochs(self) -> Any:
        """Epochs that were asked for."""
        return self.config["trainer"].get("max_epochs")


def read_run(folder: RunFolder) -> Run:
    """Read config.yaml, summary.json or what there is before it, and metrics.csv.

    Raises:
        ConfigError: config.yaml or summary.json is broken, or gone in the meantime.
    """
    try:
        config = _config(folder)
        state = folder.state()
        numbers = _numbers(folder) if state == "finished" else {}
        reason = _reason(folder) if state == "failed" else ""
    except OSError as error:
        raise ConfigError(f"{error.filename or folder.path}: {error.strerror}") from error
    try:
        identity, keys = run_hash(config), flat(determining(config))
    except (AttributeError, TypeError) as error:  # such as a date, which no run has
        raise ConfigError(f"{folder.path / 'config.yaml'} is broken: {error}") from error
    return Run(folder, config, identity, keys, state, numbers, read_curves(folder.metrics), reason)


def _config(folder: RunFolder) -> dict[str, Any]:
    file = folder.path / "config.yaml"
    try:
        config = folder.config()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is broken: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict) or not isinstance(config.get("seed"), int):
        raise ConfigError(f"{file} is broken: it has no seed that is a whole number")
    missing = [name for name in GROUPS if not isinstance(config.get(name), dict)]
    if missing:
        raise ConfigError(f"{file} is broken: it has no {missing[0]} with keys below it")
    return config


def _numbers(folder: RunFolder) -> dict[str, float]:
    file = folder.path / "summary.json"
    try:
        summary = folder.summary()
    except ValueError as error:  # also of the encoding
        raise ConfigError(f"{file} is broken: {error}") from error
    if not isinstance(summary, dict):
        raise ConfigError(f"{file} is broken: {json.dumps(summary)[:40]} is no summary")
    kept = {name: value for name, value in summary.items() if name != "seed"}
    return {name: v for name, v in kept.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}


def _reason(folder: RunFolder) -> str:
    """The last line of the traceback, which says what went wrong; of the error's class the name alone."""
    try:
        lines = folder.error.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except FileNotFoundError:  # it was started again
        return ""
    return printable(re.sub(r"^(\w+\.)+(?=\w+:)", "", lines[-1].strip())) if lines else ""
