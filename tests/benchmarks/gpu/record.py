"""Trains a record with one seed by cl-train, and measures kNN of its last epoch at k = 10 and k = 200.

`measure("full", "record_simclr_cifar10", "0", "CIFAR")`: CIFAR is the folder of cifar-10-batches-py/. An
interrupted record goes on where it stopped, and a finished one is only measured.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cl_lightning.evaluation import FrozenFeatures, knn_accuracy
from cl_lightning.runs import RunFolder
from cl_lightning.runs.evaluating.networks import frozen_network
from cl_lightning.runs.own_images.record import images_to_evaluate
from tests.benchmarks.gpu.sizes import SIZES
from tests.benchmarks.measured import Row
from tests.small import config

NEIGHBOURS, TEMPERATURE = (10, 200), 0.1
# dkobak/simclr-cifar10, 500 epochs of SimCLR on one A100: kNN of k = 10, and minutes.
PUBLIC = {"knn": 0.903, "minutes": 99.0}


def measure(size: str, experiment: str, seed: str, cifar: str, root: str = "runs") -> Iterator[Row]:
    asked = [f"experiment={experiment}", f"seed={seed}", f"run.root={root}", f"data.root={cifar}"]
    asked = [*asked[:3], *SIZES[size].short] if size == "toy" else asked
    subprocess.run([sys.executable, "-m", "cl_lightning.train", *asked], check=True)
    folder = RunFolder.of(config(*asked))
    summary = json.loads((folder.path / "summary.json").read_text(encoding="utf-8"))
    for k, accuracy in neighbours(folder.path).items():
        peers = {"public record": PUBLIC["knn"]} if k == NEIGHBOURS[0] else {}
        yield Row(f"{experiment}: kNN, k = {k}", "share", accuracy, peers, high_is_better=True)
    minutes = summary["seconds_per_epoch"] * summary["epochs"] / 60
    yield Row(
        f"{experiment}: {summary['epochs']} epochs", "minutes", minutes, {"public record": PUBLIC["minutes"]}
    )


def neighbours(run: Path) -> dict[int, float]:
    """Accuracy of the frozen encoder for each k, votes weighted at T = 0.1, as cl-eval measures it."""
    folder = RunFolder(run)
    trained, data = images_to_evaluate(folder, None)
    network, views = frozen_network(folder, trained, "query")
    train, val = FrozenFeatures(views, network).extract(data)
    return {k: knn_accuracy(train, val, k, TEMPERATURE).accuracy for k in NEIGHBOURS}
