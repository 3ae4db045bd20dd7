"""Runs for a SLURM of two slow nodes without GPUs."""

import os
import subprocess
from pathlib import Path

from tests.cli.command import SCRIPT, environment
from tests.resume.runs import METHODS

# Of a module in the working folder, so that an image takes the seconds of the variable SLOW, with one config,
# until there is a file `hurry`.
PHOTOS = """
import os
import time

import torch


class Photos(torch.utils.data.Dataset):
    def __len__(self):
        return 48

    def __getitem__(self, index):
        if not os.path.exists("hurry"):
            time.sleep(float(os.environ.get("SLOW", "0")))
        noise = torch.Generator().manual_seed(index)
        return torch.randint(0, 256, (3, 12, 12), generator=noise, dtype=torch.uint8), index % 2
"""
STEPS = 54  # nine epochs of six batches
SMALL = (
    *("data=custom", "data.train._target_=slow_photos.Photos", "data.size=8", "data.batch_size=8"),
    *("data.num_workers=0", "callbacks.knn=null", "callbacks.checkpoint.every_n_steps=1", "logger=csv"),
    *("encoder=small_conv_net", "encoder.backbone.widths=[4,8]", "encoder.backbone.strides=[2,2]"),
    *("trainer.max_epochs=9", "trainer.log_every_n_steps=1", "schedule.warmup_epochs=0"),
    *METHODS["moco_v2"],
)
ON_CPU = ("trainer.accelerator=cpu", "trainer.devices=1")
ONE_CPU = ("--gpus-per-node=0", "--cpus-per-task=1", "--ntasks-per-node=1")  # of each node


def variables(slow: float = 0) -> dict[str, str]:
    """For a command, or handed on by sbatch to a job: cl-train is found, an image takes so many seconds."""
    path = f"{Path(SCRIPT[0]).parent}{os.pathsep}{os.environ['PATH']}"
    return environment(PATH=path, SLOW=str(slow))


def working_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "slow_photos.py").write_text(PHOTOS, encoding="utf-8")
    return folder


def cl_train(folder: Path, *arguments: str, slow: float = 0) -> subprocess.CompletedProcess[str]:
    """The ended process of cl-train outside of any job."""
    return subprocess.run(
        ["cl-train", *SMALL, *arguments],
        cwd=working_folder(folder),
        env=variables(slow),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def run_folders(folder: Path) -> list[Path]:
    return sorted((folder / "runs").glob("*-*"))
