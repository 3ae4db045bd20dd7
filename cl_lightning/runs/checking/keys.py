"""Checks of config keys and of the values that no class checks, before anything heavy is imported."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError, shown
from cl_lightning.runs.metrics import METRICS

GROUPS = (
    "views",
    "encoder",
    "loss",
    "optimizer",
    "schedule",
    "method",
    "data",
    "trainer",
    "callbacks",
    "logger",
)
INIT = "init"  # a group that the configs of earlier versions lack
OF_INIT = ("weights", "parts", "sha256")
RUN = ("name", "root", "metric", "extend", "parent")
LARGEST_SEED = 2**32 - 1


def check_keys(config: dict[str, Any]) -> None:
    """Check that all keys are known, each group has its keys, and seed, name and folder are valid.

    Raises:
        ConfigError: says which key.
    """
    if "experiment" in config:
        raise ConfigError(
            "experiment is no key here, but what becomes of an experiment's file that lacks its first line; "
            "accepted: a file that begins with # @package _global_"
        )
    _refuse_unknown(config, "", ("seed", "run", *GROUPS, INIT))
    seed = config.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"seed is {shown(seed)}; accepted: a whole number from 0 to {LARGEST_SEED}")
    for name in ("run", *GROUPS, *({INIT} & config.keys())):
        if not isinstance(config.get(name), Mapping):
            raise ConfigError(
                f"{name} is {shown(config.get(name))}; accepted: keys below it, see cl-train --help"
            )
    for name in ("method", "data", "encoder"):
        if not isinstance(config[name].get("name"), str):
            raise ConfigError(
                f"{name}.name is {shown(config[name].get('name'))}; accepted: text, which the summary shows"
            )
    for name in ("out_features", "hidden_features"):
        value = config["encoder"].get(name)
        if isinstance(value, int) and value < 1:
            raise ConfigError(f"encoder.{name} is {value}; accepted: a whole number from 1")
    _refuse_unknown(config.get(INIT) or {}, "init.", OF_INIT)
    _check_run(config["run"])


def _refuse_unknown(keys: Mapping[str, Any], above: str, accepted: tuple[str, ...]) -> None:
    unknown = [str(key) for key in keys if key not in accepted]
    if unknown:
        near = get_close_matches(unknown[0], accepted, n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        others = f" (nor {', '.join(unknown[1:])})" if unknown[1:] else ""
        raise ConfigError(
            f"{above}{unknown[0]} is no key here{others}{guess}; accepted: {', '.join(accepted)} "
            "(see cl-train --help)"
        )


def _check_run(run: dict[str, Any]) -> None:
    _refuse_unknown(run, "run.", RUN)
    name, root, metric = run.get("name"), run.get("root"), run.get("metric")
    if metric not in METRICS:
        raise ConfigError(f"run.metric is {shown(metric)}; accepted: {', '.join(METRICS)}")
    text = "" if name is None else str(name)
    if text in ("", ".", "..") or set(text) & set("/\\\0"):
        raise ConfigError(
            f"run.name is {shown(name)}; accepted: the name of a folder, without / (use run.root for a path)"
        )
    if not isinstance(root, str) or not root:
        raise ConfigError(f"run.root is {shown(root)}; accepted: a folder, such as runs")
    place = next(p for p in (Path(root).absolute(), *Path(root).absolute().parents) if p.exists())
    if not place.is_dir():
        raise ConfigError(f"run.root is {root}, but {place} is a file; accepted: a folder, existing or new")
