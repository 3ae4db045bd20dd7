"""Run folders made by hand: what a run leaves, without training."""

import copy
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cl_lightning.runs import RunFolder
from tests.small import SMALL, SMALL_MOCO, config

METHODS = {"simclr": SMALL, "moco_v2": (*SMALL, *SMALL_MOCO)}


@functools.cache
def composed(method: str) -> dict[str, Any]:
    return config(*METHODS[method])


def changed(method: str = "simclr", **keys: Any) -> dict[str, Any]:
    """The config of METHOD with other values; `__` stands for the point, and `seed` for all seeds."""
    new = copy.deepcopy(composed(method))
    if "seed" in keys:
        for part in (new, new["views"], new["method"], new["callbacks"].get("negative_queue", {})):
            if "seed" in part:
                part["seed"] = keys["seed"]
    for name, value in keys.items():
        *parents, last = name.split("__")
        functools.reduce(lambda part, parent: part[parent], parents, new)[last] = value
    return new


def made(
    root: Path, config: dict[str, Any], summary: Mapping[str, Any] | None = None, epochs: int = 0
) -> Path:
    """The folder of a run in `root`, finished where there is a summary; its kNN accuracy is 0.1 an epoch."""
    config["run"]["root"] = str(root)
    folder = RunFolder.of(config).path
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        yaml.dump(config, Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8"
    )
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps({"seed": config["seed"], **summary}))
    if epochs:
        rows = ["epoch,step,train/loss,val/knn_top1"]
        rows += [row for e in range(epochs) for row in (f"{e},{e},,{(e + 1) / 10}", f"{e},{e},{9.0 - e},")]
        (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    return folder
