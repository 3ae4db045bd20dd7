"""A data set, a network and a callback in which something goes wrong at a place: FAULT="PLACE WHAT"."""

import errno
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback
from torch import Tensor
from torch.utils.data import Dataset

from cl_lightning.encoders import SmallConvNet

IMAGES = 24
EVENT = "event"  # a file whose last change tells when it went wrong
FILLER = Path("/dev/shm/filler")
EXIT_CODE = 3
# What the rehearsal sends through the network: an image of train, val and bank.
REHEARSED = 3


def meet(place: str) -> None:
    """Let it go wrong, if this is the place, and it has not yet."""
    where, what = os.environ["FAULT"].split()
    if place == where and not Path(EVENT).exists():
        now()
        WHAT[what]()


def now() -> None:
    Path(EVENT).touch()


def fail() -> None:
    raise RuntimeError("fault")


def leave() -> None:
    sys.exit(EXIT_CODE)


def press_ctrl_c() -> None:
    os.killpg(os.getpgrp(), signal.SIGINT)
    time.sleep(0.2)


def end_the_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGTERM)
    time.sleep(0.2)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill_shared_memory() -> None:
    """From now on it stays full: what batches give back is taken at once."""
    file = FILLER.open("wb", buffering=0)

    def fill() -> None:
        with suppress(OSError):
            while True:
                file.write(bytes(2**12))

    def stay_full() -> None:
        while True:
            fill()
            time.sleep(1e-4)

    fill()
    threading.Thread(target=stay_full, daemon=True).start()


WHAT = {
    "error": fail,
    "exit": leave,
    "ctrl-c": press_ctrl_c,
    "sigterm": end_the_group,
    "kill": kill,
    "fill": fill_shared_memory,
    "end": lambda: None,
}


def fail_to_fork(number: int) -> None:
    """From now on the system lacks the means for process `number`, counted from 1."""
    fork, count = os.fork, iter(range(1, 1000))

    def failing() -> int:
        if next(count) == number:
            now()
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()

    os.fork = failing


class Photos(Dataset[tuple[Tensor, int]]):
    """Images of noise. The place `train` or `val` is an image in the middle of that part."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if index == IMAGES // 2:
            meet(self.part)
        noise = torch.Generator().manual_seed(index)
        return torch.randint(256, (3, 12, 12), generator=noise, dtype=torch.uint8), index % 2


class Net(SmallConvNet):
    """The places `step` and `evaluation` are its second forward in each of its modes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.forwards = {True: 0, False: 0 if os.environ.get("COMMAND") == "cl-eval" else -REHEARSED}

    def forward(self, images: Tensor) -> Tensor:
        self.forwards[self.training] += 1
        if self.forwards[self.training] == 2:
            meet("step" if self.training else "evaluation")
        return super().forward(images)


class Places(Callback):
    """The places `train-callback` and `val-callback`."""

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 1:
            meet("train-callback")

    def on_validation_batch_end(self, *args: Any, **settings: Any) -> None:
        meet("val-callback")
