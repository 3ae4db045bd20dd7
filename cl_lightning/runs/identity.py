"""Which runs are the same: the hash of all that determines a result."""

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Left out of the hash: what only names, places, shows, logs or saves. Health and kNN stay: what they measure
# is in the summary.
NOT_PART = (
    "run",
    "logger",
    "data.num_workers",
    "data.download",
    "data.max_broken",
    "schedule.shorten",
    "callbacks.broken_files",
    "callbacks.checkpoint",
    "callbacks.history",
    "callbacks.preemption",
    "callbacks.progress",
    "callbacks.start_report",
    "callbacks.throughput",
    "trainer.default_root_dir",
    "trainer.enable_autolog_hparams",
    "trainer.enable_checkpointing",
    "trainer.enable_model_summary",
    "trainer.enable_progress_bar",
    "trainer.log_every_n_steps",
    "trainer.logger",
    "trainer.model_registry",
    "trainer.profiler",
)
# Of data sets whose content is fixed, wherever it lies.
FIXED_DATA = tuple(
    f"cl_lightning.data.{name}"
    for name in ("cifar10", "cifar100", "digits", "imagenette", "scattered_digits", "stl10", "synthetic")
)
CHECKED_DATA = tuple(name for name in FIXED_DATA if name != "cl_lightning.data.imagenette")  # photos by name
# Results don't depend on them beyond rounding, but for BatchNorm statistics by process.
PLACES = ("trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.strategy")


def run_hash(config: dict[str, Any]) -> str:
    """Eight hexadecimal digits that tell a resolved config from those with other results."""
    return _digits(determining(config))


def earlier_hashes(config: dict[str, Any]) -> list[str]:
    """What the hash of a config was in earlier versions, where it was another."""
    now, before = determining(config), [determining(config)]
    if limit := config["data"].get("max_broken"):
        before += [content | {"data": content["data"] | {"max_broken": limit}} for content in before]
    if (time := config["trainer"].get("max_time")) is not None:
        before += [content | {"trainer": content["trainer"] | {"max_time": time}} for content in before]
    return [_digits(content) for content in before if content != now]


def _digits(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def determining(config: dict[str, Any]) -> dict[str, Any]:
    """What is hashed of a resolved config: all but what changes no result."""
    config = copy.deepcopy(config)
    left_out = list(NOT_PART)
    if _target_of(config["data"].get("train")) in FIXED_DATA:
        sets = ("data", "data.train", "data.val", "data.bank")
        left_out += [f"{part}.{name}" for part in sets for name in ("root", "download")]
    guard = config["callbacks"].get("finite_guard")
    if not (isinstance(guard, Mapping) and guard.get("max_skipped")):  # no step is skipped
        left_out.append("callbacks.finite_guard")
    if config["encoder"].get("batch_norm") != "plain":
        left_out += PLACES
    if config["trainer"].get("max_time") is not None:  # which ends a start, not the run
        config["trainer"]["max_time"] = None
    for key in left_out:
        _remove(config, key.split("."))
    return config


def has_fixed_content(config: Mapping[str, Any]) -> bool:
    """Whether the images are the same wherever and whenever they are read: made up, or of known checksums."""
    sets = [config["data"].get(name) for name in ("train", "val", "bank")]
    return all(_target_of(node) in CHECKED_DATA for node in sets if node is not None)


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The keys of a config as the command line takes them, such as `loss.temperature`, with their values."""
    keys: dict[str, Any] = {}
    for name, value in config.items():
        keys |= flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return keys


def _target_of(node: Any) -> Any:
    return node.get("_target_") if isinstance(node, Mapping) else None


def _remove(config: dict[str, Any], path: list[str]) -> None:
    *parents, last = path
    for name in parents:
        config = config.get(name)  # type: ignore[assignment]
        if not isinstance(config, Mapping):  # null, or a mistake that is told later
            return
    config.pop(last, None)
