"""Runs a function on several gloo processes at once and brings back what each returned.

They are started once for each number of them and kept, until one of them fails.
"""

import os
import pickle
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from multiprocessing import active_children
from multiprocessing.connection import Client, Connection, Listener, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from tests.warm import ROOT, Command

# How long the others may go on after one rank failed, so that their tracebacks are seen too.
GRACE_SECONDS = 3
LONGEST = timedelta(minutes=20)  # of a collective; the time limit of a call ends it earlier


def run_on(world_size: int, function: Callable[..., Any], *args: Any, timeout: float = 120) -> list[Any]:
    """`function(*args)` on each of `world_size` processes of one gloo group: its results in rank order.

    A `Trainer(devices=world_size, strategy="ddp")` inside joins that group. `function` and everything it
    takes and returns must be picklable: a function of a module. Raises AssertionError with each failed
    rank's traceback, also when `timeout` seconds pass; the processes are ended then.
    """
    ranks = _kept.pop(world_size, None) or Ranks(world_size)
    try:
        outcomes = ranks.call(pickle.dumps((function, args)), timeout)
    except BaseException:  # a time limit of pytest's, or Ctrl-C
        ranks.end()
        raise
    failures = [f"rank {rank}:\n{failure}" for rank, (failure, _) in enumerate(outcomes) if failure]
    if failures:
        ranks.end()
        raise AssertionError("\n".join(failures))
    _kept[world_size] = ranks
    return [result for _, result in outcomes]


def end_all() -> None:
    """Ends the processes that are kept."""
    while _kept:
        _kept.popitem()[1].end()


def workers() -> list[BaseProcess]:
    """The living children of this process, such as a loader's."""
    return active_children()


class Ranks:
    """Processes of one group, waiting for work. They end with this process, whatever happens to it."""

    def __init__(self, world_size: int) -> None:
        environment, port = {**os.environ, "PYTHONPATH": str(ROOT)}, str(_free_port())
        with Listener(family="AF_UNIX") as listener:
            command = [sys.executable, "-m", "tests.processes", str(listener.address), str(world_size), port]
            self.processes = [
                Command([*command, str(rank)], Path.cwd(), environment) for rank in range(world_size)
            ]
            come = [listener.accept() for _ in self.processes]
        by_rank = {connection.recv(): connection for connection in come}
        self.connections = [by_rank[rank] for rank in range(world_size)]

    def call(self, work: bytes, timeout: float) -> list[tuple[str | None, Any]]:
        """The failure of each rank, or None, and what it returned."""
        deadline = time.monotonic() + timeout
        for connection in self.connections:
            with suppress(BrokenPipeError):  # of a process that is gone, as its outcome tells
                connection.send_bytes(work)
        outcomes: dict[Connection, tuple[str | None, Any]] = {}
        while len(outcomes) < len(self.connections) and time.monotonic() < deadline:
            waiting = [c for c in self.connections if c not in outcomes]
            for ready in wait(waiting, timeout=max(0, deadline - time.monotonic())):
                assert isinstance(ready, Connection)
                outcomes[ready] = self._outcome(ready)
                if outcomes[ready][0]:
                    deadline = min(deadline, time.monotonic() + GRACE_SECONDS)
        late = f"had not ended after {timeout:g} s, or {GRACE_SECONDS} s after another one's failure", None
        return [outcomes.get(connection, late) for connection in self.connections]

    def _outcome(self, connection: Connection) -> tuple[str | None, Any]:
        try:
            outcome: tuple[str | None, Any] = pickle.loads(connection.recv_bytes())
        except (EOFError, ConnectionResetError):
            process = self.processes[self.connections.index(connection)]
            with suppress(subprocess.TimeoutExpired):
                process.communicate(GRACE_SECONDS)
            return f"ended without a result, exit code {process.returncode}", None
        return outcome

    def end(self) -> None:
        for process, connection in zip(self.processes, self.connections, strict=True):
            connection.close()
            process.end()


_kept: dict[int, Ranks] = {}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _serve(address: str, world_size: int, port: str, rank: int) -> None:
    connection = Client(address)
    connection.send(rank)
    torch.set_num_threads(1)
    place = {"LOCAL_RANK": rank, "WORLD_SIZE": world_size, "NODE_RANK": 0}  # where Lightning looks
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port, **{k: str(v) for k, v in place.items()})
    environment, folder = dict(os.environ), os.getcwd()
    while True:
        try:
            work = connection.recv_bytes()
        except EOFError:
            os._exit(0)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)  # Lightning clears its own up
        try:
            if not dist.is_initialized():
                dist.init_process_group("gloo", rank=rank, world_size=world_size, timeout=LONGEST)
            function, args = pickle.loads(work)
            outcome = pickle.dumps((None, function(*args)))
            dist.barrier()
        except BaseException:
            outcome = pickle.dumps((traceback.format_exc(), None))
        connection.send_bytes(outcome)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
