"""Every process ends within ten seconds, with its code and its message, and leaves nothing behind.

The ways out x the training and the evaluation loader x 0 and 2 workers x cl-train, cl-eval and Python.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import warm
from tests.cli.command import environment

IN_TIME = 10.0
ROOT = Path(__file__).parents[2]
CTRL_C = (130, -2)  # as a shell tells it, of a command and of Python itself


class Case(NamedTuple):
    """A command, what goes wrong, with which codes it may end, and a word that it says then."""

    command: str
    fault: str
    codes: tuple[int, ...]
    word: str
    workers: tuple[int, ...] = (0, 2)


KEYS = "data.num_workers"
CASES = [
    *(Case("cl-train", f"{place} error", (1,), "fault") for place in ("step", "evaluation", "train", "val")),
    *(Case("cl-train", f"{part}-callback error", (1,), "fault") for part in ("train", "val")),
    *(Case("cl-train", f"{part}-callback exit", (3,), "") for part in ("train", "val")),
    *(Case("cl-train", f"{part}-callback ctrl-c", (130,), "the same command") for part in ("train", "val")),
    *(Case("cl-train", f"{part}-callback sigterm", (143,), "the same command") for part in ("train", "val")),
    *(Case("cl-train", f"{part}-callback kill", (-9,), "") for part in ("train", "val")),
    *(Case("cl-train", f"fork {number}", (1,), KEYS, (2,)) for number in (2, 4)),
    *(Case("cl-train", f"{part} kill", (1,), KEYS, (2,)) for part in ("train", "val")),
    *(Case("cl-train", f"{place} fill", (1,), "--shm-size", (2,)) for place in ("step", "evaluation")),
    Case("cl-train", "none end", (0,), "kNN accuracy"),
    *(Case("cl-eval", f"{place} error", (1,), "fault") for place in ("evaluation", "train", "val")),
    Case("cl-eval", "evaluation exit", (3,), ""),
    Case("cl-eval", "evaluation ctrl-c", (130,), "SIGINT"),
    *(Case("cl-eval", f"fork {number}", (1,), KEYS, (2,)) for number in (2, 4)),
    *(Case("cl-eval", f"{part} kill", (1,), KEYS, (2,)) for part in ("train", "val")),
    Case("cl-eval", "evaluation fill", (1,), "--shm-size", (2,)),
    Case("cl-eval", "none end", (0,), "wrote"),
    *(Case("fit", f"{place} error", (1,), "fault") for place in ("step", "evaluation", "train", "val")),
    *(Case("fit", f"{part}-callback error", (1,), "fault") for part in ("train", "val")),
    *(Case("fit", f"{part}-callback exit", (3,), "") for part in ("train", "val")),
    *(Case("fit", f"{part}-callback ctrl-c", (1,), "KeyboardInterrupt") for part in ("train", "val")),
    *(Case("fit", f"fork {number}", (1,), KEYS, (2,)) for number in (2, 4)),
    *(Case("fit", f"{part} kill", (1,), KEYS, (2,)) for part in ("train", "val")),
    *(Case("fit", f"{place} fill", (1,), "--shm-size", (2,)) for place in ("step", "evaluation")),
    Case("fit", "none end", (0,), ""),
    *(Case(f"{part}-loop", f"{part}-loop error", (1,), "fault") for part in ("train", "val")),
    *(Case(f"{part}-loop", f"{part} error", (1,), "fault") for part in ("train", "val")),
    *(Case(f"{part}-loop", f"{part}-loop exit", (3,), "") for part in ("train", "val")),
    *(Case(f"{part}-loop", f"{part}-loop ctrl-c", CTRL_C, "KeyboardInterrupt") for part in ("train", "val")),
    *(Case(f"{part}-loop", f"{part}-loop kill", (-9,), "") for part in ("train", "val")),
    *(Case(f"{part}-loop", "fork 2", (1,), KEYS, (2,)) for part in ("train", "val")),
    *(Case(f"{part}-loop", f"{part} kill", (1,), KEYS, (2,)) for part in ("train", "val")),
    *(Case(f"{part}-loop", f"{part}-loop fill", (1,), "--shm-size", (2,)) for part in ("train", "val")),
    *(Case(f"{part}-loop", f"{part}-loop end", (0,), "") for part in ("train", "val")),
]
# One of each way out.
OFTEN = {
    ("cl-train", "val error", 2),
    ("cl-train", "val-callback error", 2),
    ("cl-train", "train-callback ctrl-c", 2),
    ("cl-eval", "evaluation error", 2),
    ("cl-eval", "evaluation fill", 2),
    ("cl-eval", "train kill", 2),
    ("fit", "step error", 2),
    ("train-loop", "train-loop error", 2),
    ("val-loop", "val-loop exit", 2),
    ("train-loop", "fork 2", 2),
    ("train-loop", "train-loop end", 2),
}


def every() -> Iterator[Any]:
    for case in CASES:
        for workers in case.workers:
            slow = (case.command, case.fault, workers) not in OFTEN
            name = f"{case.command}: {case.fault}, {workers} workers"
            yield pytest.param(case, workers, id=name, marks=pytest.mark.slow if slow else ())


def result(folder: Path, command: str, fault: str, workers: int) -> dict[str, Any]:
    words = [sys.executable, "-m", "tests.endings.case", str(folder), command, fault, str(workers)]
    warm.run(words, ROOT, environment(PYTHONPATH=str(ROOT)), timeout=120)
    return json.loads((folder / "result.json").read_text())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert result(folder, "cl-train", "none end", 0)["code"] == 0, (folder / "stderr").read_text()
    return folder / "runs"


@pytest.mark.parametrize(("case", "workers"), list(every()))
def test_it_ends_in_time_with_its_code_and_leaves_nothing(
    case: Case, workers: int, trained: Path, tmp_path: Path
) -> None:
    if case.command == "cl-eval":
        shutil.copytree(trained, tmp_path / "runs")
    ended = result(tmp_path, case.command, case.fault, workers)
    if case.fault.endswith("fill") and not ended["private"]:
        assert not (os.environ.get("CL_LIGHTNING_CI") and os.geteuid() == 0)
        pytest.skip("this user may not mount a small /dev/shm")
    said = (tmp_path / "stdout").read_text() + (tmp_path / "stderr").read_text()
    assert ended["code"] in case.codes, said
    assert case.word in said
    assert ended["left"] == []
    assert ended["names"] == []
    assert ended["seconds"] < IN_TIME
    assert ("Traceback" in said) <= (case.command not in ("cl-train", "cl-eval") or "fault" in said)
