"""cl-train as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests import warm

SCRIPT = [str(Path(sys.executable).parent / "cl-train")]
MODULE = [sys.executable, "-m", "cl_lightning.train"]
SMALL = (
    "data=synthetic",
    "data.size=8",
    "data.batch_size=16",
    "encoder=small_conv_net",
    "encoder.backbone.widths=[4,8]",
    "encoder.backbone.strides=[2,2]",
    "trainer.max_epochs=1",
    "schedule.warmup_epochs=0",
    "callbacks.knn.k=4",
)
RUN_FOLDER = {
    "config.yaml",
    "images.json.gz",
    "metrics.csv",
    "summary.json",
    "checkpoints/last.ckpt",
    "report.html",
    "plots/alignment_uniformity.png",
    "plots/curves.png",
    "plots/map.png",
    "plots/neighbours.png",
    "plots/pairs.png",
    "plots/spectrum.png",
    "tensorboard/hparams.yaml",
    "tensorboard/events",
}


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


def cl_train(
    folder: Path, *arguments: str, command: list[str] = SCRIPT, cold: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The ended process of `cl-train ARGUMENTS` with `folder` as its working folder.

    It is a fork that has nothing to import (see `tests.warm`); `cold` starts a Python of its own instead.
    """
    if not cold:
        return warm.run([*command, *arguments], folder, environment(**variables), timeout=120)
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def files(folder: Path) -> set[str]:
    """Files below `folder`; the event file's name without time and host."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name.split("events.out")[0] + "events" if "events.out" in name else name for name in found}
