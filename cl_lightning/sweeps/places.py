"""Distributes GPUs, threads and ports to jobs that share a machine."""

import os
import socket
from typing import Any

THREADS, VISIBLE, PORT = "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "MASTER_PORT"


class Places:
    """Distributes GPUs, threads and ports to the jobs that run at the same time.

    A job gets `trainer.devices` GPUs, those that the fewest other jobs use. So jobs have their own GPUs as
    long as there are enough. The cores are shared evenly, unless OMP_NUM_THREADS is set.

    Args:
        gpus: names of GPUs as in CUDA_VISIBLE_DEVICES; empty if jobs train on the CPU.
        at_once: the largest number of jobs at the same time.
    """

    def __init__(self, gpus: list[str], at_once: int) -> None:
        self._users = dict.fromkeys(gpus, 0)
        self._ports: set[int] = set()
        self._at_once = at_once

    def take(self, trainer: dict[str, Any]) -> dict[str, str]:
        """Environment variables for a job with this Trainer."""
        devices = str(trainer.get("devices"))
        number = int(devices) if devices.isdecimal() else 0
        mine = {PORT: str(self._free_port())}
        if THREADS not in os.environ:
            mine[THREADS] = str(max(1, cores() // self._at_once // max(1, number)))
        if number and self._users and trainer.get("accelerator") != "cpu":
            own = sorted(self._users, key=self._users.__getitem__)[:number]  # a stable order
            for gpu in own:
                self._users[gpu] += 1
            mine[VISIBLE] = ",".join(own)
        return mine

    def give_back(self, mine: dict[str, str]) -> None:
        """Return the GPUs and the port that `take` has assigned."""
        self._ports.discard(int(mine[PORT]))
        for gpu in mine.get(VISIBLE, "").split(","):
            if gpu in self._users:
                self._users[gpu] -= 1

    def _free_port(self) -> int:
        """A port that no other job has been assigned, even if that job has not opened it yet."""
        while True:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = int(free.getsockname()[1])
            if port not in self._ports:
                self._ports.add(port)
                return port


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """The GPUs that torch sees, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    named = os.environ.get(VISIBLE)
    names = named.split(",") if named is not None else map(str, range(torch.cuda.device_count()))
    return [name for name, _ in zip(names, range(torch.cuda.device_count()), strict=False)]
