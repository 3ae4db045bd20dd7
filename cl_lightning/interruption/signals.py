"""How a process answers a signal to end: at once, or after the current step."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from signal import SIGINT, SIGTERM, Signals
from typing import Any

# Clusters send them some time before a job ends, so that a later start can continue. Windows has neither.
REQUEUEING_NAMES = ("SIGUSR1", "SIGUSR2")
REQUEUEING: tuple[Signals, ...] = tuple(getattr(signal, n) for n in REQUEUEING_NAMES if hasattr(signal, n))
ENDING = (SIGINT, SIGTERM)
# If several signals arrive, one that ends without requeueing wins.
STRENGTH = (0, *REQUEUEING, *ENDING)
PATIENCE = 3.0  # seconds


class StopRun(SystemExit):
    """Ends the program after a signal, with exit code 128 + signal, as shells do.

    The exit code is 0 in a process that Lightning has started, because Lightning kills the run if such a
    process ends with another code.
    """

    def __init__(self, number: int) -> None:
        super().__init__(0 if started_by_lightning() else 128 + number)
        self.signal = Signals(number)


class StoppedAtOnce(StopRun):
    """Ends the program after a signal without saving anything."""


_came: list[int] = [0]
_answered = threading.Event()
_stopping = False


def nothing_more_to_stop() -> None:
    """From now on `stop_at_once` answers only Ctrl-C, because the program is already ending."""
    global _stopping
    _stopping = True


def stop_at_once(number: int, frame: Any) -> None:
    """Signal handler for the time when there is nothing to save."""
    if _stopping and number != SIGINT:
        return
    _answered.set()
    _came.append(number)  # Python drops errors that are raised inside some of its own callbacks
    raise StoppedAtOnce(number)


@contextmanager
def stopping_at_once(tell: Callable[[StoppedAtOnce], None]) -> Iterator[None]:
    """In this block, signals without another handler raise StoppedAtOnce; `tell` is called first.

    Python runs a signal handler only when the main thread has finished a blocking call. Such a call may never
    return, for example if it waits for another process. After `PATIENCE` seconds a thread calls `tell` and
    ends the program instead.
    """
    global _stopping
    _stopping, _came[:] = False, [0]
    _answered.clear()
    nobody = (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler)
    numbers = [number for number in (*REQUEUEING, *ENDING) if signal.getsignal(number) in nobody]
    before = _answer(numbers, stop_at_once)
    try:
        with _watched(tell):
            yield
    except StoppedAtOnce as stop:
        tell(stop)
        raise
    finally:
        _came[:] = [0]
        _restore(before)


@contextmanager
def _watched(tell: Callable[[StoppedAtOnce], None]) -> Iterator[None]:
    can_watch = hasattr(os, "set_blocking")  # Windows has it since Python 3.12
    if not can_watch or threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    over = threading.Event()
    threading.Thread(target=_watch, args=(reading, tell, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(writing)  # ends the thread


def _watch(reading: int, tell: Callable[[StoppedAtOnce], None], over: threading.Event) -> None:
    while came := os.read(reading, 1):
        number = came[0]
        ours = signal.getsignal(number) is stop_at_once and not _stopping
        if ours and not over.is_set() and not _answered.wait(PATIENCE) and not over.is_set():
            stop = StoppedAtOnce(number)
            tell(stop)
            os._exit(int(str(stop.code)))
    os.close(reading)


class Flag:
    """Remembers that a signal came, for a loop that checks it; a second Ctrl-C raises KeyboardInterrupt.

    `received` is 0 or the signal's number. If several came, one that ends without requeueing wins.
    """

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[Signals, Any] = {}

    def raise_for(self, numbers: Iterable[Signals]) -> None:
        """Answer these signals from now on; also one that `stop_at_once` got but could not act on."""
        self.received = max(_came, key=STRENGTH.index)
        _came[:] = [0]
        self._before = _answer(numbers, self._remember)

    def lower(self) -> None:
        """Restore the earlier handlers."""
        before, self._before = self._before, {}
        _restore(before)

    def owner(self, number: int) -> Any:
        """The earlier handler of this signal if it is other code's function, else None."""
        found = self._before.get(Signals(number))
        return found if callable(found) and found not in (stop_at_once, signal.default_int_handler) else None

    def _remember(self, number: int, frame: Any) -> None:
        if number == SIGINT and self.received:
            raise KeyboardInterrupt
        if self.received not in ENDING:
            self.received = number
        if number == SIGINT and os.environ.get("LOCAL_RANK", "0") == "0" and sys.__stderr__ is not None:
            with suppress(OSError):  # stderr may be closed
                # Not sys.stderr, which may be in the middle of a write.
                os.write(sys.__stderr__.fileno(), b"\nends after this step; Ctrl-C again ends at once\n")


def started_by_lightning() -> bool:
    """Whether Lightning has started this process, not the user."""
    # srun sets no LOCAL_RANK; torchrun sets RANK as well.
    return os.environ.get("LOCAL_RANK", "0") != "0" and "RANK" not in os.environ


def _answer(numbers: Iterable[Signals], handler: Any) -> dict[Signals, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    if signal.getsignal(SIGINT) == signal.SIG_IGN:  # a shell's background job must ignore Ctrl-C
        numbers = [number for number in numbers if number != SIGINT]
    return {number: signal.signal(number, handler) for number in numbers}


def _restore(before: dict[Signals, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
