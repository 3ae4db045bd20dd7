"""One case in a process of its own: FOLDER COMMAND FAULT WORKERS. `result.json` there says how it ended.

Where this user may, the case has a shared memory of its own, of 64 MB.
"""

import ctypes
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil

from tests.endings.commands import COMMANDS
from tests.endings.faults import EVENT, FILLER, fail_to_fork, now

LATEST = 60  # seconds that a case may take
PATIENCE = 12  # seconds for what it may leave behind
SHARED_MEMORY = Path("/dev/shm")
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


def main(folder: str, command: str, fault: str, workers: str) -> None:
    """Returns in the case's own process, which ends as a script does."""
    os.chdir(folder)
    private = own_shared_memory()
    if not private and fault.endswith("fill"):  # that of this machine is left alone
        tell(private=False)
    if child := os.fork():
        report(child, private)
    os.setsid()
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
    os.environ |= {"FAULT": fault, "COMMAND": command}
    if fault.startswith("fork"):
        fail_to_fork(int(fault.split()[1]))
    COMMANDS[command](int(workers))
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
    main(*sys.argv[1:])
