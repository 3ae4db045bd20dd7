"""What the worker processes of a loader meet reaches who loops over it, and they end in time."""

import ctypes
import errno
import faulthandler
import os
import random
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import get_worker_info

from cl_lightning.data import EvaluationOrder, WorkerLoader
from cl_lightning.data.broken_files import BrokenImageError
from cl_lightning.interruption import WorkerError
from tests.processes import workers

IN_TIME = 6.0  # seconds in which all workers end, of the ten that a user is promised
ONCE = np.zeros((4, 4, 3), np.uint8)


class Items:
    """A set whose items `item` makes."""

    def __init__(self, item: Callable[[int], Any], length: int = 16) -> None:
        self.item, self.length = item, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.item(index)


def loader(item: Callable[[int], Any], num_workers: int = 2) -> WorkerLoader:
    return WorkerLoader(Items(item), EvaluationOrder(16, 2), num_workers)


def raising(error: BaseException) -> WorkerLoader:
    """Item 5 can't be had."""

    def transform(image: torch.Tensor, index: int, epoch: int) -> torch.Tensor:
        if index == 5:
            raise error
        return image

    return WorkerLoader(Items(lambda index: ONCE), EvaluationOrder(16, 2), 2, transform)


@contextmanager
def in_time() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < IN_TIME
    assert not workers()


def broken() -> BrokenImageError:
    error = BrokenImageError("cannot read x.png")
    error.path = "x.png"
    return error


class OfTwoError(LookupError):
    """Can't be made of the words that it says."""

    def __init__(self, part: str, whole: str) -> None:
        super().__init__(f"{part} of {whole}")


class BoundError(ValueError):
    """Holds what can't be pickled."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.held = lambda: words


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (broken(), BrokenImageError, "cannot read x.png"),
        (KeyError("a"), KeyError, "'a'"),
        (OSError(errno.ESTALE, "Stale", "x.png"), OSError, "[Errno 116] Stale: 'x.png'"),
        (MemoryError(), MemoryError, ""),
        (EOFError("short"), EOFError, "short"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), ConnectionResetError, "[Errno 104] reset"),
        (OfTwoError("a", "b"), LookupError, "OfTwoError: a of b"),
        (BoundError("held"), ValueError, "BoundError: held"),
        (SystemExit(3), RuntimeError, "SystemExit: 3"),
        (KeyboardInterrupt(), RuntimeError, "KeyboardInterrupt: "),
        (ValueError("x" * 10**6), ValueError, "ValueError: " + "x" * (10_000 - 12)),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_an_error_arrives_as_itself_or_in_words_and_ends_the_workers(
    error: BaseException, kind: type[Exception], words: str
) -> None:
    with in_time(), pytest.raises(kind) as caught:
        list(raising(error))
    assert type(caught.value) is kind
    assert str(caught.value) == words
    assert vars(caught.value).get("path") == getattr(error, "path", None)
    assert "in transform" in caught.value.__notes__[0]  # where


def test_batches_before_an_error_are_given() -> None:
    batches = iter(raising(KeyError("a")))
    assert [next(batches).index.tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(KeyError):
        next(batches)


def kill(number: int) -> Callable[[int], Any]:
    def item(index: int) -> Any:
        if index == 5:
            faulthandler.disable()  # pytest's, which tells much of a crash
            os.kill(os.getpid(), number)
            time.sleep(60)
        return ONCE

    return item


def leave(index: int) -> Any:
    if index == 5:
        os._exit(7)
    return ONCE


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (kill(signal.SIGKILL), r"SIGKILL.*short of memory.*data\.num_workers"),
        (kill(signal.SIGBUS), r"SIGBUS.*--shm-size"),
        (kill(signal.SIGSEGV), r"SIGSEGV.*data\.num_workers=0"),
        (kill(signal.SIGRTMIN + 1), r"signal 35.*data\.num_workers=0"),
        (leave, r"code 7.*data\.train"),
    ],
)
def test_a_worker_that_is_gone_is_an_error_with_the_key_to_change(item: Any, words: str) -> None:
    with in_time(), pytest.raises(WorkerError, match=words) as caught:
        list(loader(item))
    assert "\n" not in str(caught.value)


def test_one_that_is_killed_while_it_waits_is_told_with_the_next_batch() -> None:
    batches = iter(loader(lambda index: ONCE))
    next(batches)
    victim = workers()[0]
    victim.kill()
    victim.join(10)
    with in_time(), pytest.raises(WorkerError, match=f"{victim.pid} .*SIGKILL"):
        list(batches)


def hold_the_interpreter(seconds: int) -> None:
    ctypes.PyDLL(None).sleep(seconds)


@pytest.mark.parametrize("wait", [time.sleep, hold_the_interpreter])
def test_workers_that_are_stuck_end_too(wait: Callable[[int], Any]) -> None:
    stuck = loader(lambda index: wait(600) if index > 3 else ONCE)
    for _ in stuck:
        break
    with in_time():
        stuck.close()


def test_who_terminates_all_children_ends_workers_too() -> None:
    here = loader(lambda index: ONCE)
    next(iter(here))
    with in_time():
        for child in workers():
            child.terminate()
            child.join()


def test_workers_end_with_the_last_reference_to_their_loader() -> None:
    here = loader(lambda index: ONCE)
    next(iter(here))
    assert len(workers()) == 2
    with in_time():
        del here


def test_a_loop_that_is_interrupted_can_be_begun_again() -> None:
    here = loader(lambda index: np.full((4, 4, 3), index, np.uint8))
    with suppress(KeyboardInterrupt):
        for _ in here:
            raise KeyboardInterrupt
    assert [batch.images[0, 0, 0, 0].item() for batch in here] == list(range(0, 16, 2))
    here.close()


def test_all_batches_may_be_kept_under_a_low_limit_of_open_files() -> None:
    many = WorkerLoader(Items(lambda index: ONCE, 600), EvaluationOrder(600, 2), 2)
    kept = list(many)
    opened = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert len(kept) == 300
    assert opened < 200
    many.close()


def test_a_worker_without_a_free_file_number_tells_so() -> None:
    left_open: list[int] = []

    def item(index: int) -> Any:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        with suppress(OSError):
            while index > 5:
                left_open.append(os.open(os.devnull, os.O_RDONLY))
        return ONCE

    with in_time(), pytest.raises(WorkerError, match=r"too many open files.*ulimit -n"):
        list(loader(item))


@contextmanager
def limited(to: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (to, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_workers_that_cannot_be_started_are_told_and_those_that_are_there_end() -> None:
    here = loader(lambda index: ONCE, num_workers=8)
    free = os.dup(0)
    os.close(free)
    with in_time(), limited(free + 12), pytest.raises(WorkerError, match=r"only \d of 8 .*ulimit -n"):
        next(iter(here))


def test_a_batch_that_cannot_be_received_is_told() -> None:
    batches = iter(loader(lambda index: ONCE))
    next(batches)
    free = os.dup(0)
    os.close(free)
    with in_time(), limited(free), pytest.raises(WorkerError, match=r"ulimit -n"):
        next(batches)


def test_a_process_that_a_worker_starts_answers_sigterm() -> None:
    def item(index: int) -> Any:
        with subprocess.Popen(["sleep", "60"]) as other:
            other.terminate()
            return np.full((4, 4, 3), -other.wait(), np.uint8)

    (first, *_) = loader(item, num_workers=1)
    assert first.images[0, 0, 0, 0] == signal.SIGTERM


def test_a_dataset_learns_which_worker_it_is_in_and_has_generators_of_its_own() -> None:
    def item(index: int) -> Any:
        drawn = [random.random(), np.random.rand(), torch.rand(()).item()]
        info = get_worker_info()
        assert info is not None
        return np.array([[[info.id], [info.num_workers], *([255 * draw] for draw in drawn)]], np.uint8)

    def told() -> list[list[int]]:
        return [batch.images[0, 0, 0].tolist() for batch in loader(item)]

    here = told()
    assert [drawn[:2] for drawn in here] == 4 * [[0, 2], [1, 2]]
    assert here[0][2:] != here[1][2:]
    assert here == told()
    assert get_worker_info() is None


def test_a_default_timeout_of_sockets_changes_nothing() -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.01)
    try:
        slow = loader(lambda index: time.sleep(0.05) or ONCE)
        assert len(list(slow)) == 8
    finally:
        socket.setdefaulttimeout(before)
