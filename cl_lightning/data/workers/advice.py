"""What is told of workers that can't be had or are gone, and what to change."""

import errno
import os
from signal import Signals

FEWER = "data.num_workers=0 or fewer data.num_workers"
MORE_MEMORY = f"{FEWER}, a smaller data.batch_size, or more shared memory (docker run --shm-size=8g)"
MORE_FILES = f"{FEWER}, or a higher limit of open files (ulimit -n)"
TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)


def not_started(there: int, count: int, error: OSError) -> str:
    """Of workers that the system does not start."""
    if error.errno in TOO_MANY_FILES:
        accepted = MORE_FILES
    else:
        accepted = f"{FEWER}, or higher limits of processes and memory (ulimit -u, ulimit -v)"
    return f"only {there} of {count} workers could be started ({error.strerror}); accepted: {accepted}"


def lost(pid: int | None, code: int | None) -> str:
    """Of a worker that has ended by itself, or was ended."""
    who = f"worker process {pid} of the data"
    if code is not None and code >= 0:
        return (
            f"{who} has ended by itself with code {code}; accepted: a Dataset (data.train, data.val) that "
            "raises an error where it can't go on, and data.num_workers=0 to see where it ends"
        )
    name = "a signal" if code is None else _name(-code)
    if name == "SIGBUS":
        return f"{who} was ended by {name}: there is no more shared memory; accepted: {MORE_MEMORY}"
    if name == "SIGKILL":
        return (
            f"{who} was ended by {name}, as systems do that are short of memory; accepted: {FEWER}, a "
            "smaller data.batch_size, or more memory"
        )
    return (
        f"{who} was ended by {name}: a library has crashed that reads the images; accepted: "
        "data.num_workers=0, to see where"
    )


def too_many_files(error: Exception) -> bool:
    """Whether a limit of open files is the cause, which torch's errors have in words only."""
    known = getattr(error, "errno", None) in TOO_MANY_FILES
    return known or any(os.strerror(number) in str(error) for number in TOO_MANY_FILES)


def _name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:  # one that has no name
        return f"signal {number}"
