"""Worker processes: they ignore signals, and end when their parent process ends."""

import os
import signal
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

from cl_lightning.interruption.signals import ENDING, REQUEUEING

SECONDS = 1.0  # between two checks of the parent
PATIENCE = 1.5  # seconds that a worker has to finish its current work when it is told to end


class WorkerError(RuntimeError):
    """A worker can't be started, has ended, or can't send a batch; the message says what to change."""


def outlive_signals() -> None:
    """Makes a worker ignore signals to its process group: the parent may still need it for saving.

    The handler is an empty function, not SIG_IGN, so that SIGTERM can end programs that the worker starts.
    """
    for number in (*REQUEUEING, *ENDING):
        signal.signal(number, lambda number, frame: None)


def end_with_parent(let_go: Connection) -> None:
    """Ends this process within seconds after the parent has ended in any way, or has told it to end.

    The kernel's signal for this (PR_SET_PDEATHSIG) comes when the parent's thread ends, not its process.
    """
    parent = parent_process()
    assert parent is not None, "only processes that multiprocessing has started have a parent"
    watch = threading.Thread(target=_watch, args=(os.getppid(), parent.sentinel, let_go), daemon=True)
    watch.start()


def _watch(parent: int, sentinel: int, let_go: Connection) -> None:
    # Workers that were forked later also keep the sentinel open until they end.
    while os.getppid() == parent and not (ended := wait([sentinel, let_go], SECONDS)):
        pass
    if os.getppid() == parent and let_go in ended:
        time.sleep(PATIENCE)  # the worker normally ends in this time
    os._exit(1)
