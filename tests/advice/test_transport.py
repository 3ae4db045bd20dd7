"""A run whose workers fail trains once it is changed as the message advises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cl_lightning.runs.checking import shared_memory
from tests.advice.cases import Case, evaluated, take
from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.bad_input.photos import SMALL, photos
from tests.cli.command import cl_train
from tests.warm import ROOT

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside
LIMITED = [sys.executable, "-m", "tests.advice.limited"]
OWN = """
import os, signal
import torch
from torch.utils.data import Dataset, get_worker_info

class Own(Dataset):
    def __init__(self, ends=None):
        self.ends = ends

    def __len__(self):
        return 16

    def __getitem__(self, index):
        if index == 9 and os.getpid() != PID:
            os.kill(os.getpid(), signal.SIGKILL) if self.ends == "killed" else os._exit(3)
        return torch.full((3, 12, 12), 7 * index, dtype=torch.uint8)

PID = os.getpid()
"""
CUSTOM = (
    *(word for word in SMALL if not word.startswith(("data=", "data.root", "data.num_workers"))),
    *("data=custom", "data.size=8", "data.train._target_=own.Own", "callbacks.knn=null"),
)


def steps(folder: Path) -> int:
    return len(list(folder.glob("runs/*/summary.json")))


@pytest.mark.parametrize("ends", ["killed", "by itself"])
def test_a_run_whose_worker_ends_trains_without_workers(ends: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    words = [*CUSTOM, f"'++data.train.ends={ends}'".strip("'")]
    stopped = cl_train(tmp_path, *words, "data.num_workers=2")
    told = re.search(r"^cl-train: .*(data\.num_workers=0)", stopped.stderr, re.MULTILINE)
    assert told, stopped.stderr
    assert stopped.returncode == 1
    ended = cl_train(tmp_path, *words, told[1])
    assert ended.returncode == 0, ended.stderr
    assert steps(tmp_path) == 1


@pytest.mark.parametrize("remedy", ["data.num_workers=0", "ulimit -n"])
def test_a_run_that_may_open_too_few_files_trains_as_advised(remedy: str, tmp_path: Path) -> None:
    photos(tmp_path / "photos", "cat", "dog")

    def limited(number: int, *more: str) -> "subprocess.CompletedProcess[str]":
        return cl_train(tmp_path, str(number), *SMALL, *more, command=LIMITED, PYTHONPATH=str(ROOT))

    few = 40
    stopped = limited(few, "data.num_workers=8")
    assert stopped.returncode == 1, stopped.stderr
    assert remedy in stopped.stderr
    ended = limited(few, remedy) if remedy.startswith("data") else limited(4096, "data.num_workers=8")
    assert ended.returncode == 0, ended.stderr
    assert steps(tmp_path) == 1


SHARED = {
    "no workers": (r"data\.num_workers=0", take("{0}")),
    "a smaller batch": (r"a (data\.batch_size) of at most (\d+)", take("{1}={2}")),
}


@pytest.mark.parametrize("remedy", SHARED)
def test_a_run_that_has_too_little_shared_memory_trains_as_advised(
    remedy: str, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_memory, "free_memory", lambda: 20_000)  # of a machine with less
    monkeypatch.setattr("cl_lightning.runs.checking.shared_memory.AHEAD", 1)
    names, change = SHARED[remedy]
    given = lambda: photos(Path("photos"), "cat", "dog", each=64)  # noqa: E731
    Case(given, "data.num_workers=1 data.batch_size=64", names, change, evaluated).carry_out(train)
