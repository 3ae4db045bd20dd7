"""CPU time of several works, in turn in one process, so that what slows the machine slows all."""

import statistics
import time
from collections.abc import Callable, Mapping

Work = Callable[[], object]

SECONDS, MOST, LEAST = 0.02, 31, 3  # of CPU time in a repeat, at least; repeats


def medians(works: Mapping[str, Work], seconds: float) -> dict[str, float]:
    """Seconds of CPU time of a call of each, the first call left out, within about so many seconds."""
    first = {name: cpu_seconds(work, 1) for name, work in works.items()}
    calls = {name: max(1, round(SECONDS / once)) for name, once in first.items()}
    turn = sum(calls[name] * once for name, once in first.items())
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(max(LEAST, min(MOST, round(seconds / turn)))):
        for name, work in works.items():
            times[name].append(cpu_seconds(work, calls[name]))
    return {name: statistics.median(found) for name, found in times.items()}


def cpu_seconds(work: Work, calls: int) -> float:
    """Seconds of CPU time of a call, the mean of so many."""
    start = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - start) / calls
