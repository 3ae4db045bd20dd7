"""Runs cases one after the other, each in a process of its own, which it forks to spare the imports.

A case comes as a line of JSON on stdin: `folder`, `command`, `workers` and `fault`; `result.json` in its
folder says how it ended. Where this user may, each case has a shared memory of its own, of 64 MB.
"""

import ctypes
import gc
import json
import os
import pkgutil
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import psutil

from cl_lightning import runs
from tests.endings.commands import COMMANDS
from tests.endings.faults import EVENT, FILLER, fail_to_fork, now

LATEST = 60  # seconds that a case may take
PATIENCE = 12  # seconds for what it may leave behind
SHARED_MEMORY = Path("/dev/shm")
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


def main() -> None:
    for module in pkgutil.iter_modules(runs.__path__, f"{runs.__name__}."):
        import_module(module.name)
    gc.freeze()  # else each case copies all of it as it ends
    for line in sys.stdin:
        case = json.loads(line)
        supervisor = os.fork()
        if not supervisor:
            os.chdir(case["folder"])
            private = own_shared_memory()
            if not private and case["fault"].endswith("fill"):  # that of this machine is left alone
                tell(private=False)
            if child := os.fork():
                report(child, private)
            run(case)
            return  # this is the case's own process, which ends as a script does
        os.waitpid(supervisor, 0)
        print(case["folder"], flush=True)


def run(case: dict[str, Any]) -> None:
    os.setsid()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = os.open(name if number else os.devnull, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    os.environ |= {"FAULT": case["fault"], "COMMAND": case["command"]}
    if case["fault"].startswith("fork"):
        fail_to_fork(int(case["fault"].split()[1]))
    COMMANDS[case["command"]](case["workers"])
    if not Path(EVENT).exists():
        now()


def report(child: int, private: bool) -> NoReturn:
    """Wait for the end of a case and of all that it has started, and write how it was."""
    names = set() if private else {file.name for file in SHARED_MEMORY.iterdir()}
    until, ended = time.time() + LATEST, (0, 0)
    while not ended[0] and time.time() < until:
        ended = os.waitpid(child, os.WNOHANG)
        time.sleep(0.02)
    finished = time.time()
    while (left := living(child)) and time.time() < finished + PATIENCE:
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    event = Path(EVENT).stat().st_mtime if Path(EVENT).exists() else None
    FILLER.unlink(missing_ok=True)
    tell(
        code=os.waitstatus_to_exitcode(ended[1]) if ended[0] else None,
        seconds=None if event is None else time.time() - event,
        left=left,
        names=sorted({file.name for file in SHARED_MEMORY.iterdir()} - names),
        private=private,
    )


def tell(**result: Any) -> NoReturn:
    Path("result.json").write_text(json.dumps(result))
    os._exit(0)


def living(group: int) -> list[str]:
    """Command lines of the processes of a group, but for those that have ended and wait to be noticed."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return found


def own_shared_memory() -> bool:
    libc = ctypes.CDLL(None)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        return False
    return libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"size=64m") == 0


if __name__ == "__main__":
    main()
