"""What a run ended with, less clocks, rates and memory; and where two of them differ in a bit."""

import csv
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

CHECKPOINT = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "epoch", "global_step")
MEASURED = ("train/images_per_second", "train/data_wait")  # columns of metrics.csv
RATES = ("views_per_second", "seconds_per_epoch", "data_wait", "peak_memory_mib")  # of the summary


def ended_with(folder: Path) -> dict[str, Any]:
    """Of the run in `folder`: its last checkpoint, metrics.csv and summary.json."""
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    saved = {name: checkpoint[name] for name in CHECKPOINT}
    saved["callbacks"].pop("Throughput", None)
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [
            {name: value for name, value in row.items() if name not in MEASURED}
            for row in csv.DictReader(file)
        ]
    summary = json.loads((folder / "summary.json").read_text())
    return {
        "checkpoint": saved,
        "metrics": rows,
        "summary": {name: value for name, value in summary.items() if name not in RATES},
    }


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Places where two nests of containers and tensors differ in a bit."""
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return [f"{place}: {one.keys() ^ other.keys()}"]
        return [d for key in one for d in differences(one[key], other[key], f"{place}.{key}")]
    if isinstance(one, (list, tuple)):
        if len(one) != len(other):
            return [f"{place}: {len(one)} and {len(other)}"]
        pairs = enumerate(zip(one, other, strict=True))
        return [d for i, pair in pairs for d in differences(*pair, f"{place}[{i}]")]
    equal = torch.equal(one, other) if isinstance(one, Tensor) else one == other
    return [] if equal else [place]
