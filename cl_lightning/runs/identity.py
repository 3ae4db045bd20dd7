"""Which runs are the same: the hash of all that determines a result."""

import copy
import hashlib
import json
from typing import Any

# Left out of the hash: what only names, places, shows, logs or saves.
NOT_PART = (
    "run",
    "logger",
    "data.num_workers",
    "data.download",
    "callbacks.broken_files",
    "callbacks.checkpoint",
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
    "trainer.profiler",
)
# Of data sets whose content is fixed, wherever it lies.
FIXED_DATA = ("cifar10", "cifar100", "digits", "imagenette", "scattered_digits", "stl10", "synthetic")
# Results don't depend on them beyond rounding, but for BatchNorm statistics by process.
PLACES = ("trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.strategy")


def run_hash(config: dict[str, Any]) -> str:
    """Eight hexadecimal digits that tell a resolved config from those with other results."""
    config = copy.deepcopy(config)
    left_out = list(NOT_PART)
    if config["data"]["name"] in FIXED_DATA:
        sets = ("data", "data.train", "data.val", "data.bank")
        left_out += [f"{part}.{name}" for part in sets for name in ("root", "download")]
    if not config["data"].get("max_broken"):  # no broken file, no other result
        left_out.append("data.max_broken")
    if not (config["callbacks"].get("finite_guard") or {}).get("max_skipped"):  # no step is skipped
        left_out.append("callbacks.finite_guard")
    if config["encoder"]["batch_norm"] != "plain":
        left_out += PLACES
    for key in left_out:
        _remove(config, key.split("."))
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:8]


def _remove(config: dict[str, Any], path: list[str]) -> None:
    *parents, last = path
    for name in parents:
        config = config.get(name) or {}
    config.pop(last, None)
