"""Programs in the place of cl-train, which do in a moment what a test wants."""

import copy
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.sweeps import Job
from tests.small import SMALL, config

# What a program starts with: its config, and how to end a run.
START = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
import yaml
from cl_lightning.runs import RunFolder

config = yaml.safe_load((Path(sys.argv[2]) / "job.yaml").read_text(encoding="utf-8"))
del config["defaults"], config["hydra"]
seed, folder = config["seed"], RunFolder.of(config)

def finish(value=0.5):
    folder.path.mkdir(parents=True, exist_ok=True)
    (folder.path / "summary.json").write_text(json.dumps({"knn_top1": value}))

def note(name, text):
    with open(name, "a") as file:
        file.write(text + "\\n")
"""


def in_place_of_cl_train(monkeypatch: pytest.MonkeyPatch, body: str, start: str = START) -> None:
    """From now on a sweep's commands run `body`, after `start`, in the working folder."""
    file = Path("program.py").absolute()
    file.write_text(start + body, encoding="utf-8")
    monkeypatch.setattr("cl_lightning.sweeps.job_process.program", lambda: [sys.executable, str(file)])


def job(seed: int = 0, **trainer: Any) -> Job:
    """A job whose number is its seed, composed."""
    own = copy.deepcopy(_composed())
    own["seed"] = seed
    own["trainer"] |= trainer
    return Job(seed, [f"seed={seed}"], f"seed={seed}", config=own)


@functools.cache
def _composed() -> dict[str, Any]:
    return config(*SMALL)


def lives(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not after {seconds} s"
        time.sleep(0.02)
