"""The identity of a run: a hash of everything that determines its result."""

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Keys that are not hashed, because they only name, place, show, log or save something, or because the result
# is the same but for rounding. The callbacks health and kNN are hashed, because their results are in the
# summary. The SHA-256 of weights and parents is hashed instead of their paths (see `contents`).
NOT_PART = (
    "run",
    "logger",
    "data.num_workers",
    "data.download",
    "data.max_broken",
    "encoder.checkpointing",
    "encoder.compile",
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
# Data sets whose content is always the same, in any folder.
FIXED_DATA = tuple(
    f"cl_lightning.data.{name}"
    for name in ("cifar10", "cifar100", "digits", "imagenette", "scattered_digits", "stl10", "synthetic")
)
# Of these, the ones whose content is checked when they are read; imagenette's photos are not.
CHECKED_DATA = tuple(name for name in FIXED_DATA if name != "cl_lightning.data.imagenette")
# Results depend on these only by rounding, except when each process has its own BatchNorm statistics.
PLACES = ("trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.strategy")


def run_hash(config: dict[str, Any]) -> str:
    """Eight hexadecimal digits: equal for configs that give the same result, else different."""
    return _digits(determining(config))


def earlier_hashes(config: dict[str, Any]) -> list[str]:
    """The hashes of a config in earlier versions, if they were different."""
    now, before = determining(config), [determining(config)]
    if limit := config["data"].get("max_broken"):
        before += [content | {"data": content["data"] | {"max_broken": limit}} for content in before]
    if (time := config["trainer"].get("max_time")) is not None:
        before += [content | {"trainer": content["trainer"] | {"max_time": time}} for content in before]
    return [_digits(content) for content in before if content != now]


def _digits(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def determining(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a resolved config that is hashed: all keys that change the result."""
    config = copy.deepcopy(config)
    left_out = list(NOT_PART)
    if _target_of(config["data"].get("train")) in FIXED_DATA:
        sets = ("data", "data.train", "data.val", "data.bank")
        left_out += [f"{part}.{name}" for part in sets for name in ("root", "download")]
    guard = config["callbacks"].get("finite_guard")
    if not (isinstance(guard, Mapping) and guard.get("max_skipped")):  # it skips no step
        left_out.append("callbacks.finite_guard")
    if config["data"].get("positives") is None:
        left_out.append("data.positives")
    if config["encoder"].get("batch_norm") != "plain":
        left_out += PLACES
    if config["trainer"].get("max_time") is not None:  # it limits each start, not the run
        config["trainer"]["max_time"] = None
    if isinstance(parts := (config.get("init") or {}).get("parts"), list):  # in any order, also twice
        config["init"]["parts"] = sorted(set(map(str, parts)))
    left_out.append("init" if (config.get("init") or {}).get("weights") is None else "init.weights")
    parent = config["run"].get("parent")
    for key in left_out:
        _remove(config, key.split("."))
    if parent is not None:
        config["run"] = {"parent": parent}
    return config


def has_fixed_content(config: Mapping[str, Any]) -> bool:
    """Whether the images can't change: they are generated, or their checksums are known."""
    sets = [config["data"].get(name) for name in ("train", "val", "bank")]
    return all(_target_of(node) in CHECKED_DATA for node in sets if node is not None)


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The keys of a config in command-line form, such as `loss.temperature`, with their values."""
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
        if not isinstance(config, Mapping):  # null, or a mistake that is reported later
            return
    config.pop(last, None)
