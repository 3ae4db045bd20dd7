"""cl-eval --devices 2: what one process finds, and an end for all."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

SECONDS = 120

pytestmark = [
    pytest.mark.slow,
    # Of the runs' training.
    pytest.mark.filterwarnings("ignore:.*neighbours are asked of a bank"),
    pytest.mark.filterwarnings("ignore:.*Experiment logs directory"),
]


def cl_eval(
    *words: str, by: tuple[str, ...] = ("-m",), **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *by, "cl_lightning.evaluate", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, env=os.environ | environment, check=False
    )


def results(place: Path) -> dict[str, Any]:
    (file,) = place.rglob("evaluation-*.json")
    return json.loads(file.read_text())


@pytest.mark.parametrize("images", [(), ("--data", "data=synthetic", "data.size=8", "data.val.images=37")])
def test_two_processes_find_what_one_finds_to_the_bit_and_only_the_first_tells(
    run: Callable[[str], Path], tmp_path: Path, images: tuple[str, ...]
) -> None:
    words = [str(run("simclr")), "--protocol", "knn", "few", "linear", "retrieval", "--draws", "2", *images]
    found = {}
    for number in ("1", "2"):
        done = cl_eval(*words, "--accelerator", "cpu", "--devices", number, "--to", str(tmp_path / number))
        assert (done.returncode, done.stderr) == (0, "")
        found[number] = done.stdout.replace(str(tmp_path / number), "TO")
    assert found["1"] == found["2"]
    assert results(tmp_path / "1") == results(tmp_path / "2")


def test_two_processes_train_as_one(run: Callable[[str], Path], tmp_path: Path) -> None:
    words = [
        str(run("moco")),
        "--protocol",
        "linear_sgd",
        "finetune",
        "--labels",
        "2",
        "--epochs",
        "2",
        "--seeds",
        "1",
    ]
    for number in ("1", "2"):
        done = cl_eval(*words, "--accelerator", "cpu", "--devices", number, "--to", str(tmp_path / number))
        assert done.returncode == 0, done.stderr
    for source in ("query", "untrained"):
        one, two = (
            json.loads(next((tmp_path / number).rglob(f"evaluation-{source}.json")).read_text())["results"]
            for number in ("1", "2")
        )
        assert len(one) == 3
        for name, result in one.items():
            for key in ("accuracy", "std", "by_class"):
                assert two[name][key] == pytest.approx(result[key]), name


def test_processes_that_torchrun_has_started_find_each_other(
    run: Callable[[str], Path], tmp_path: Path
) -> None:
    by = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "-m")
    words = (str(run("simclr")), "--protocol", "knn", "--accelerator", "cpu", "--to", str(tmp_path / "to"))
    done = cl_eval(*words, by=by, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote ") == 2  # by one process: the file and its picture
    assert list(results(tmp_path / "to")["results"]) == ["knn"]


def test_all_processes_end_if_the_first_one_fails_while_the_others_wait(run: Callable[[str], Path]) -> None:
    begun = time.monotonic()
    folders = [str(run(name)) for name in ("simclr", "moco")]
    done = cl_eval(*folders, "--labels", "17", "--accelerator", "cpu", "--devices", "2")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("cl-eval: ")
    assert "17 labels a class" in line
    assert time.monotonic() - begun < SECONDS / 2


def ended(group: int) -> bool:
    """Whether all processes of a group end in five seconds."""
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("devices", ["1", "2"])
def test_a_signal_during_a_training_ends_all_processes(
    run: Callable[[str], Path], tmp_path: Path, devices: str
) -> None:
    words = [str(run("moco")), "--protocol", "finetune", "--seeds", "1", "--epochs", "100000"]
    words += ["--accelerator", "cpu", "--devices", devices, "--to", str(tmp_path)]
    log = tmp_path / "log"
    with log.open("w") as told:
        command = [sys.executable, "-m", "cl_lightning.evaluate", *words]
        process = subprocess.Popen(command, stdout=told, stderr=told, start_new_session=True)
    try:
        until = time.monotonic() + SECONDS
        while "steps" not in log.read_text() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(1)  # inside the training, mostly inside an exchange
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        assert ended(process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert log.read_text().count("cl-eval: SIGTERM: ended at once") == 1
    assert not list(tmp_path.rglob("evaluation-*.json"))
