"""Jobs at the same time, each in a process of its own."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.interruption import StoppedAtOnce, StopRun, stopping_at_once
from cl_lightning.sweeps import local
from cl_lightning.sweeps.local import run_at_once
from cl_lightning.sweeps.places import Places
from tests.sweeps.programs import in_place_of_cl_train, job, lives, wait_until

# Tells when it ran and with what, and fails for seed 1.
TIMED = """
began = time.time()
time.sleep(0.6)
note("ran", json.dumps({"seed": seed, "began": began, "ended": time.time(), "variables": dict(os.environ)}))
if seed == 1:
    sys.exit("this one fails")
finish(seed / 10)
"""
# Ends a moment after the first SIGTERM, as a run that saves; counts the signals.
SAVING = """
signal.signal(signal.SIGTERM, lambda number, frame: note("signals", str(os.getpid())))
signal.signal(signal.SIGINT, lambda number, frame: note("signals", "Ctrl-C"))
note("pids", str(os.getpid()))
while not (Path("signals").is_file() and str(os.getpid()) in Path("signals").read_text()):
    time.sleep(0.02)
time.sleep(0.5)
note("saved", str(os.getpid()))
sys.exit(143)
"""
DEAF = """
signal.signal(signal.SIGTERM, lambda number, frame: note("signals", str(os.getpid())))
note("pids", str(os.getpid()))
while True:
    time.sleep(0.1)
"""


def notes(name: str) -> list[str]:
    return Path(name).read_text().splitlines() if Path(name).is_file() else []


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What each process of run_at_once(JOBS, NUMBER, GPUS) tells."""

    def run(jobs: list[Any], number: int, gpus: list[str]) -> list[dict[str, Any]]:
        in_place_of_cl_train(monkeypatch, TIMED)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        run_at_once(jobs, number, gpus)
        return [json.loads(line) for line in notes("ran")]

    return run


def most_at_once(told: list[dict[str, Any]]) -> int:
    return max(sum(one["began"] <= other["began"] < one["ended"] for one in told) for other in told)


def test_so_many_jobs_run_at_once_and_one_that_fails_stops_no_other(ran: Any) -> None:
    jobs = [job(seed) for seed in (0, 1, 2, 3, 2)]
    told = ran(jobs, 2, [])
    assert most_at_once(told) == 2
    assert sorted(one["seed"] for one in told) == [0, 1, 2, 3], "each run once"
    assert [one.state for one in jobs] == ["finished", "failed", "finished", "finished", "finished"]
    assert [one.value for one in jobs] == [0.0, None, 0.2, 0.3, 0.2]
    log = local.log_of(jobs[1])
    assert str(jobs[1].error) == f"this one fails ({log})"
    assert log.parent == Path("runs/logs")
    assert not {"CUDA_VISIBLE_DEVICES"} & {name for one in told for name in one["variables"]} - set(
        os.environ
    )


def test_each_job_at_once_has_its_own_gpu_port_and_share_of_the_cores(
    ran: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cl_lightning.sweeps.places.cores", lambda: 12)
    told = ran([job(seed, accelerator="auto") for seed in (0, 2, 3)], 3, ["4", "GPU-x", "7"])
    assert most_at_once(told) == 3
    variables = [one["variables"] for one in told]
    assert {v["CUDA_VISIBLE_DEVICES"] for v in variables} == {"4", "GPU-x", "7"}
    assert len({v["MASTER_PORT"] for v in variables}) == 3
    assert {v["OMP_NUM_THREADS"] for v in variables} == {"4"}


def gpus(places: Places, **trainer: Any) -> tuple[dict[str, str], list[str]]:
    taken = places.take({"devices": 1, "accelerator": "auto", **trainer})
    return taken, taken.get("CUDA_VISIBLE_DEVICES", "").split(",")


def test_a_job_of_two_devices_has_two_gpus_that_are_free_again_after_it() -> None:
    places = Places(["0", "1", "2", "3"], 2)
    two, own = gpus(places, devices=2)
    assert own == ["0", "1"]
    assert gpus(places, devices="2")[1] == ["2", "3"]
    places.give_back(two)
    assert gpus(places)[1] + gpus(places)[1] == ["0", "1"]


def test_more_jobs_than_gpus_share_them_evenly() -> None:
    places = Places(["0", "1", "2"], 7)
    users = Counter(gpus(places)[1][0] for _ in range(7))
    assert sorted(users.values()) == [2, 2, 3]


def test_a_job_on_the_cpu_takes_no_gpu() -> None:
    places = Places(["0"], 2)
    assert gpus(places, accelerator="cpu")[1] == [""]
    assert gpus(places)[1] == ["0"]


def test_the_users_number_of_threads_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS" not in Places([], 2).take({"devices": 1})


@contextmanager
def signalled(*numbers: int) -> Iterator[None]:
    """This process gets each signal when two jobs run, and the second one when both know of the first."""

    def send() -> None:
        for number, name in zip(numbers, ("pids", "signals"), strict=False):
            wait_until(lambda name=name: len(notes(name)) == 2)  # type: ignore[misc]
            time.sleep(0.2)
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    with stopping_at_once(lambda stop: None):
        thread.start()
        try:
            yield
        finally:
            thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_lets_every_job_save_and_end(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, temporary: Path, capsys: Any
) -> None:
    in_place_of_cl_train(monkeypatch, SAVING)
    jobs = [job(seed) for seed in range(3)]
    with pytest.raises(StopRun) as stopped, signalled(number):
        run_at_once(jobs, 2, [])
    assert stopped.value.code == 128 + number
    assert len(set(notes("pids"))) == 2, "no third job"
    assert sorted(notes("signals")) == sorted(notes("saved")) == sorted(notes("pids"))
    assert not any(lives(int(pid)) for pid in notes("pids"))
    assert list(temporary.iterdir()) == []
    err = capsys.readouterr().err
    assert err == f"cl-train: {number.name}: the same command continues the sweep\n"


def test_a_second_signal_ends_all_at_once(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    in_place_of_cl_train(monkeypatch, DEAF)
    began = time.monotonic()
    with pytest.raises(StoppedAtOnce) as stopped, signalled(signal.SIGTERM, signal.SIGTERM):
        run_at_once([job(seed) for seed in range(3)], 2, [])
    assert stopped.value.code == 143
    assert time.monotonic() - began < 10
    assert len(notes("pids")) == 2
    wait_until(lambda: not any(lives(int(pid)) for pid in notes("pids")), seconds=3)
    assert list(temporary.iterdir()) == []
