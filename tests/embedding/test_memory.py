"""Many rows are written in the memory of few."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cl_lightning.checkpoints import DESCRIPTION
from cl_lightning.encoders import Encoder, SmallConvNet
from cl_lightning.methods import SimCLR, described
from cl_lightning.pairs import simclr_views

ROWS, FEATURES = 100_000, 1024  # 410 MB of vectors
BOUND = 200  # MiB that the process may grow by

IMAGES = """
import torch

class Images(torch.utils.data.Dataset):
    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index):
        return torch.full((3, 8, 8), index % 256, dtype=torch.uint8), index % 10
"""

PROGRAM = """
import json, re, sys
from cl_lightning.embedding import Options, Preparation, made

run, rows, file = sys.argv[1:]
words = ["data=custom", "data.train._target_=images.Images", f"+data.train.length={rows}"]
words += ["data.num_workers=0", "data.batch_size=1024"]
prepared = Preparation(Options(run, words, file, accelerator="cpu"))
def mebibytes(name):  # getrusage has the peak of the process that started this one too
    with open("/proc/self/status") as status:
        return int(re.search(name + ":\\s+(\\d+) kB", status.read())[1]) / 2**10

before = mebibytes("VmRSS")
done = made(prepared)
peak = mebibytes("VmHWM")
print(json.dumps({"rows": done.rows, "grown": peak - before, "peak": peak}))
"""


def wide_network(path: Path, features: int = FEATURES) -> Path:
    """A checkpoint of one convolution with so many features, for images of 8 pixels."""
    network = SmallConvNet(widths=(features,), strides=(8,), channels=3)
    method = SimCLR(views=simclr_views(8), encoder=Encoder(network, hidden_features=8))
    torch.save({"state_dict": method.state_dict(), DESCRIPTION: described.saved(method)}, path)
    return path


def embedded_by_a_process(folder: Path, ending: str, rows: int = ROWS) -> dict[str, float]:
    (folder / "images.py").write_text(IMAGES)
    command = [sys.executable, "-c", PROGRAM, wide_network(folder / "last.ckpt"), str(rows), f"rows{ending}"]
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".npz", ".parquet"])
def test_the_memory_does_not_hold_all_rows(ending: str, tmp_path: Path) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    found = embedded_by_a_process(tmp_path, ending)
    assert found["rows"] == ROWS
    assert found["grown"] < BOUND < ROWS * FEATURES * 4 / 2**20
    if ending == ".npz":
        with np.load(tmp_path / "rows.npz") as arrays:
            assert arrays["files"][[0, -1]].tolist() == ["train/0", f"train/{ROWS - 1}"]
            assert arrays["labels"][-1] == str((ROWS - 1) % 10)
