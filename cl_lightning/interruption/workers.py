"""A process that works for another one: it outlives signals, not its parent."""

import os
import signal
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

from cl_lightning.interruption.signals import ENDING, REQUEUEING

SECONDS = 1.0  # between two looks after the parent
PATIENCE = 1.5  # seconds for what a worker is doing when it is let go


class WorkerError(RuntimeError):
    """A worker that can't be had, is gone, or can't hand over what it has read; with what to change."""


def outlive_signals() -> None:
    """In a worker: signals to its group are for its parent, which may still need it to save.

    SIGTERM has a handler, so that a program that the worker starts can be ended by one.
    """
    for number in (*REQUEUEING, *ENDING):
        signal.signal(number, lambda number, frame: None)


def end_with_parent(let_go: Connection) -> None:
    """Ends this process within seconds once the parent is gone, in whatever way, or has let it go.

    The kernel's own signal for this (PR_SET_PDEATHSIG) comes when the parent's thread ends, not its process.
    """
    parent = parent_process()
    assert parent is not None, "for processes that multiprocessing has started"
    watch = threading.Thread(target=_watch, args=(os.getppid(), parent.sentinel, let_go), daemon=True)
    watch.start()


def _watch(parent: int, sentinel: int, let_go: Connection) -> None:
    # Workers that were forked later hold the sentinel open too, until they are gone themselves.
    while os.getppid() == parent and not (ended := wait([sentinel, let_go], SECONDS)):
        pass
    if os.getppid() == parent and let_go in ended:
        time.sleep(PATIENCE)  # within it the worker ends by itself, unless it is stuck
    os._exit(1)
