"""Time and memory of work on a device."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

WARM = 3


def wait(device: str) -> None:
    """Until the device has done what was asked of it."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(work: Callable[[], object], device: str, repeats: int) -> float:
    """Median of the wall time of a call, after some that warm up."""
    for _ in range(WARM):
        work()
    times = []
    for _ in range(repeats):
        wait(device)
        begun = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def added_mebibytes(work: Callable[[], object], device: str) -> float | None:
    """The most memory of the GPU that a call adds; None on a CPU."""
    if device != "cuda":
        return None
    wait(device)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    wait(device)
    return (torch.cuda.max_memory_allocated() - before) / 2**20


class Attempts:
    """Measurements of which one may fail without the others; `end` raises what failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    @contextmanager
    def at(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # a compiler, a peer or the memory: whatever it is, the rest goes on
            self.failed.append(f"{what}: {type(error).__name__}: {str(error).splitlines()[:1]}")
            print(self.failed[-1], flush=True)

    def end(self) -> None:
        if self.failed:
            raise RuntimeError("; ".join(self.failed))
