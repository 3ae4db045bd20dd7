"""A signal ends a process at once, or is remembered until it is asked for."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from signal import SIGINT, SIGTERM, SIGUSR1, SIGUSR2

import pytest

from cl_lightning.interruption import (
    Flag,
    StoppedAtOnce,
    StopRun,
    nothing_more_to_stop,
    stopping_at_once,
)

ALL = (SIGUSR1, SIGUSR2, SIGTERM, SIGINT)
told: list[StoppedAtOnce] = []


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", ALL)
def test_before_training_a_signal_ends_at_once_with_its_exit_code(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(StoppedAtOnce) as stopped, stopping_at_once(told.append):
        send(number)
    assert (stopped.value.code, stopped.value.signal) == (128 + number, number)
    assert told[-1] is stopped.value
    assert signal.getsignal(number) == before


def test_a_stop_that_python_loses_is_made_up_for_when_the_flag_is_raised() -> None:
    """As one that is raised within a callback of the garbage collector."""
    flag = Flag()
    with stopping_at_once(told.append):
        with suppress(StoppedAtOnce):
            send(SIGUSR1)
        flag.raise_for(ALL)
        assert flag.received == SIGUSR1
        flag.lower()
        flag.raise_for(ALL)
        assert flag.received == 0
        flag.lower()


def test_a_signal_that_someone_else_answers_is_left_to_them() -> None:
    got: list[int] = []
    before = signal.signal(SIGUSR2, lambda number, frame: got.append(number))
    try:
        with stopping_at_once(told.append):
            send(SIGUSR2)
    finally:
        signal.signal(SIGUSR2, before)
    assert got == [SIGUSR2]


@pytest.mark.parametrize("number", ALL)
def test_a_raised_flag_remembers_the_signal_and_gives_it_back(number: signal.Signals) -> None:
    before = [signal.getsignal(n) for n in ALL]
    flag = Flag()
    flag.raise_for(ALL)
    try:
        assert flag.received == 0
        send(number)
        assert flag.received == number
    finally:
        flag.lower()
    assert [signal.getsignal(n) for n in ALL] == before


@pytest.mark.parametrize("sent", [(SIGUSR1, SIGTERM), (SIGTERM, SIGUSR1)])
@pytest.mark.parametrize("before_training", [False, True])
def test_of_two_signals_the_one_that_does_not_requeue_wins(
    sent: tuple[int, int], before_training: bool
) -> None:
    flag = Flag()
    with stopping_at_once(told.append):
        if not before_training:
            flag.raise_for(ALL)
        for number in sent:
            with suppress(StoppedAtOnce):
                send(number)
        if before_training:
            flag.raise_for(ALL)
        assert flag.received == SIGTERM
        flag.lower()


def test_a_second_ctrl_c_ends_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    flag = Flag()
    flag.raise_for(ALL)
    try:
        send(SIGINT)
        assert "Ctrl-C again ends at once" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            send(SIGINT)
    finally:
        flag.lower()


def test_a_program_in_the_background_leaves_ctrl_c_to_others() -> None:
    before = signal.signal(SIGINT, signal.SIG_IGN)
    flag = Flag()
    try:
        with stopping_at_once(told.append):
            send(SIGINT)
            flag.raise_for(ALL)
            send(SIGINT)
            assert flag.received == 0
            flag.lower()
    finally:
        signal.signal(SIGINT, before)


def test_the_owner_of_a_signal_is_who_answered_it_before_unless_that_were_we() -> None:
    def theirs(number: int, frame: object) -> None: ...

    flag = Flag()
    before = signal.signal(SIGUSR2, theirs)
    try:
        with stopping_at_once(told.append):
            flag.raise_for(ALL)
            assert flag.owner(SIGUSR2) is theirs
            assert [flag.owner(n) for n in (SIGUSR1, SIGTERM, SIGINT)] == [None, None, None]
            flag.lower()
    finally:
        signal.signal(SIGUSR2, before)


WAITS = """
from torch.distributed import TCPStore
from cl_lightning.interruption import stopping_at_once
with stopping_at_once(lambda stop: print(stop.signal.name, flush=True)):
    print("ready", flush=True)
    TCPStore("127.0.0.1", 0, world_size=2, is_master=True)
"""


def test_a_process_that_waits_for_others_in_vain_ends_all_the_same() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)  # until it waits
        process.send_signal(SIGUSR1)
        assert process.communicate(timeout=30)[0] == "SIGUSR1\n"
    assert process.returncode == 128 + SIGUSR1


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, 143),
        ({"LOCAL_RANK": "0"}, 143),
        ({"LOCAL_RANK": "1"}, 0),
        ({"LOCAL_RANK": "1", "RANK": "1"}, 143),  # of torchrun
        ({"SLURM_LOCALID": "1", "SLURM_PROCID": "1"}, 143),  # of srun
    ],
)
def test_processes_that_lightning_starts_end_with_0(
    variables: dict[str, str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOCAL_RANK", "RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert StopRun(SIGTERM).code == code


def test_once_the_end_is_decided_no_signal_but_ctrl_c_changes_anything() -> None:
    with stopping_at_once(told.append):
        nothing_more_to_stop()
        send(SIGUSR1)
        send(SIGTERM)
        with pytest.raises(StoppedAtOnce):
            send(SIGINT)
    with pytest.raises(StoppedAtOnce), stopping_at_once(told.append):
        send(SIGTERM)
