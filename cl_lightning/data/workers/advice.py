"""Messages about workers that could not be started or have ended, with advice."""

import errno
import os
from signal import Signals

FEWER = "data.num_workers=0 or fewer data.num_workers"
MORE_MEMORY = f"{FEWER}, a smaller data.batch_size, or more shared memory (docker run --shm-size=8g)"
MORE_FILES = f"{FEWER}, or a higher limit of open files (ulimit -n)"
TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)


def not_started(there: int, count: int, error: OSError) -> str:
    """The message when the system starts only `there` of `count` workers."""
    if error.errno in TOO_MANY_FILES:
        accepted = MORE_FILES
    else:
        accepted = f"{FEWER}, or higher limits of processes and memory (ulimit -u, ulimit -v)"
    return f"only {there} of {count} workers could be started ({error.strerror}); accepted: {accepted}"


def lost(pid: int | None, code: int | None) -> str:
    """The message about a worker that has exited or was killed."""
    who = f"worker process {pid} of the data"
    if code is not None and code >= 0:
        return (
            f"{who} has exited with code {code}; accepted: a Dataset (data.train, data.val) that raises an "
            "error instead of exiting; data.num_workers=0 shows where it exits"
        )
    name = "a signal" if code is None else _name(-code)
    if name == "SIGBUS":
        return f"{who} was ended by {name}: no shared memory is left; accepted: {MORE_MEMORY}"
    if name == "SIGKILL":
        return (
            f"{who} was ended by {name}: systems do this when they are short of memory; accepted: {FEWER}, a "
            "smaller data.batch_size, or more memory"
        )
    return (
        f"{who} was ended by {name}: a library that reads the images has crashed; accepted: "
        "data.num_workers=0, which shows where"
    )


def too_many_files(error: Exception) -> bool:
    """Whether the limit of open files is the cause. torch's errors say so only in their text."""
    known = getattr(error, "errno", None) in TOO_MANY_FILES
    return known or any(os.strerror(number) in str(error) for number in TOO_MANY_FILES)


def _name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:  # some signals have no name
        return f"signal {number}"
