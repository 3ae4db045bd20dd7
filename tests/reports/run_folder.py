"""The folder of a finished run with all that its report shows, made by hand."""

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cl_lightning.plots.canvas import as_png
from cl_lightning.reports.one_run.pictures import PICTURES
from tests.reports.folders import changed, made

SUMMARY: dict[str, Any] = {
    "method": "moco_v2",
    "dataset": "digits",
    "encoder": "small_conv_net",
    "epochs": 3,
    "steps": 6,
    "world_size": 2,
    "precision": "32-true",
    "effective_batch_size": 8,
    "loss": 7.0,
    "knn_top1": 0.3,
    "alignment": 0.25,
    "uniformity": -1.5,
    "effective_rank": 5.5,
    "views_per_second": 1234.5,
    "seconds_per_epoch": 200.0,
    "data_wait": 0.25,
    "peak_memory_mib": 321.0,
    "health": [],
    "broken_files": [],
    "versions": {"torch": "2.99.0"},
    "parent": None,
    "commit": "c0ffee",
    "machine": {"processor": "A Processor", "cores": 2, "threads": 1, "gpus": []},
}
KNN = {"title": "kNN", "accuracy": 0.75, "protocol": "vote of the 20 nearest; 360 validation images"}
FEW = {
    "title": "linear, 1 a class",
    "accuracy": 0.5,
    "std": 0.125,
    "draws": 3,
    "protocol": "logistic regression; 3 draws",
    "by_class": {"cat": 0.25, "dog": 0.75, "a cow": 0.5, "eel": 1.0},
}
RANK = {"title": "effective rank", "value": 12.345, "protocol": "of the features"}
EVALUATION = {
    "run": "r",
    "encoder": "query",
    "checkpoint": {"sha256": "0", "epochs": 3, "steps": 6},
    "data": {"name": "digits", "train": 1437, "val": 360},
    "features": 16,
    "geometry": {"uniformity": -2.5, "effective_rank": 7.25},
    "confusion": "linear_1",
    "map": "tsne",
    "results": {"knn": KNN, "linear_1": FEW, "rank": RANK},
}


def whole(root: Path, **keys: Any) -> Path:
    """A run of MoCo v2 with an evaluation and all pictures."""
    folder = made(root, changed("moco_v2", **{"data__root": str(root), **keys}), SUMMARY, epochs=3)
    (folder / "evaluation-query.json").write_text(json.dumps(EVALUATION))
    (folder / "plots").mkdir()
    png = as_png(Figure((4, 3)))
    for name in PICTURES:
        (folder / "plots" / f"{name}.png").write_bytes(png)
    for name in ("confusion-query", "map-query"):
        (folder / f"{name}.png").write_bytes(png)
    return folder
