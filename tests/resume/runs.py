"""`cl-train` on a folder of photos, ended at chosen moments and started again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.command import cl_train

FAULTY = [sys.executable, "-m", "tests.resume.faulty"]
ROOT = Path(__file__).resolve().parents[2]
STEPS = 9  # three epochs of three steps of two batches
METHODS = {
    "simclr": ("method=simclr",),
    "moco_v2": (
        *("method=moco_v2", "encoder.batch_norm_groups=2", "callbacks.negative_queue.length=32"),
        "callbacks.momentum_encoder.momentum=0.9",
    ),
}
SMALL = (
    *("data=image_folder", "data.root=photos", "data.size=16", "data.batch_size=8"),
    *("encoder=small_conv_net", "encoder.backbone.widths=[4,8]", "encoder.backbone.strides=[2,2]"),
    *("trainer.max_epochs=3", "trainer.accumulate_grad_batches=2", "trainer.log_every_n_steps=1"),
    *("schedule.warmup_epochs=0", "callbacks.knn.k=4", "logger=csv"),
)


def write_photos(folder: Path) -> None:
    """Six batches of eight images to train on, and one to evaluate, of two classes."""
    for split, count in {"train": 24, "val": 4}.items():
        for kind in ("one", "two"):
            place = folder / "photos" / split / kind
            place.mkdir(parents=True)
            for i in range(count):
                pixels = np.random.default_rng([i, len(split), len(kind)]).integers(0, 256, (24, 24, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{i}.png")


def start(folder: Path, *overrides: str, fault: str = "") -> subprocess.CompletedProcess[str]:
    """The ended process of one start in `folder`, whatever became of it."""
    variables = {"PYTHONPATH": str(ROOT), **({"FAULT": fault} if fault else {})}
    return cl_train(folder, *SMALL, *overrides, command=FAULTY, **variables)


def run_folder(folder: Path) -> Path:
    (found,) = [path for path in (folder / "runs").iterdir() if path.is_dir()]
    return found


def leftovers(folder: Path) -> list[str]:
    """Files that a killed process had begun."""
    return [path.name for path in folder.rglob("*") if path.name.startswith("unfinished-")]
