"""Runs a function on several gloo processes at once and brings back what each returned."""

import os
import pickle
import socket
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

# How long the others may go on after one rank failed, so that their tracebacks are seen too.
GRACE_SECONDS = 3


def run_on(world_size: int, function: Callable[..., Any], *args: Any, timeout: float = 120) -> list[Any]:
    """`function(*args)` on each of `world_size` processes of one gloo group: its results in rank order.

    A `Trainer(devices=world_size, strategy="ddp")` inside joins that group.

    `function` and everything it takes and returns must be picklable: a function of a module. Raises
    AssertionError with each failed rank's traceback, also when `timeout` seconds pass; no process is
    left behind.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        context = mp.get_context("spawn")
        processes = [
            context.Process(target=_one_rank, args=(rank, world_size, port, folder, timeout, function, args))
            for rank in range(world_size)
        ]
        for process in processes:
            process.start()
        _wait(processes, time.monotonic() + timeout)
        outcomes = [_outcome(Path(folder), rank, process) for rank, process in enumerate(processes)]
    failures = [f"rank {rank}:\n{failure}" for rank, (failure, _) in enumerate(outcomes) if failure]
    if failures:
        raise AssertionError("\n".join(failures))
    return [result for _, result in outcomes]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(processes: list[BaseProcess], deadline: float) -> None:
    """Until all have ended; those that have not by the deadline, or soon after a failure, are killed."""
    while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
        if any(process.exitcode for process in processes):
            deadline = min(deadline, time.monotonic() + GRACE_SECONDS)
        time.sleep(0.02)
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()


def _outcome(folder: Path, rank: int, process: BaseProcess) -> tuple[str | None, Any]:
    file = folder / str(rank)
    if file.exists():
        failure, result = pickle.loads(file.read_bytes())
        return failure, result
    return f"ended without a result, exit code {process.exitcode} (-9: it ran out of time)", None


def _one_rank(
    rank: int, world_size: int, port: int, folder: str, timeout: float, function: Callable, args: tuple
) -> None:
    place = {"LOCAL_RANK": rank, "WORLD_SIZE": world_size, "NODE_RANK": 0}  # where Lightning looks
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), **{k: str(v) for k, v in place.items()})
    torch.set_num_threads(1)
    failure, result = None, None
    try:
        dist.init_process_group("gloo", rank=rank, world_size=world_size, timeout=timedelta(seconds=timeout))
        result = function(*args)
        dist.barrier()
    except BaseException:
        failure = traceback.format_exc()
    part = Path(folder) / f"{rank}.part"
    part.write_bytes(pickle.dumps((failure, result)))
    part.rename(Path(folder) / str(rank))
    if failure:
        os._exit(1)  # do not wait for the group, which may hang
    dist.destroy_process_group()
