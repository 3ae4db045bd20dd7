"""What a process does when it is asked to end: at once, or at the next good moment."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from signal import SIGINT, SIGTERM, Signals
from typing import Any

# Sent some time before the end, so that a later start goes on. Windows has neither.
REQUEUEING_NAMES = ("SIGUSR1", "SIGUSR2")
REQUEUEING: tuple[Signals, ...] = tuple(getattr(signal, n) for n in REQUEUEING_NAMES if hasattr(signal, n))
ENDING = (SIGINT, SIGTERM)
# Of several signals, one that ends without requeueing wins.
STRENGTH = (0, *REQUEUEING, *ENDING)
PATIENCE = 3.0  # seconds


class StopRun(SystemExit):
    """Ends the program after a signal, with exit code 128 + signal, as a shell would tell it.

    With 0 in a process that Lightning has started: it kills the run where one of these ends in another way.
    """

    def __init__(self, number: int) -> None:
        super().__init__(0 if started_by_lightning() else 128 + number)
        self.signal = Signals(number)


class StoppedAtOnce(StopRun):
    """After a signal at which nothing could be saved, or should be any more."""


_came: list[int] = [0]
_answered = threading.Event()
_stopping = False


def nothing_more_to_stop() -> None:
    """From now on `stop_at_once` answers Ctrl-C only: the program is ending, and knows how."""
    global _stopping
    _stopping = True


def stop_at_once(number: int, frame: Any) -> None:
    """A handler for the time in which there is nothing to save."""
    if _stopping and number != SIGINT:
        return
    _answered.set()
    _came.append(number)  # Python loses an error that is raised within some callbacks of its own
    raise StoppedAtOnce(number)


@contextmanager
def stopping_at_once(tell: Callable[[StoppedAtOnce], None]) -> Iterator[None]:
    """Inside, signals that nobody answers raise StoppedAtOnce; `tell` hears of it first.

    Python answers a signal when the main thread is back from whatever it waits for, such as other processes
    of a run, which may never come. After `PATIENCE` seconds a thread tells, and ends the program.
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
    """Remembers that a signal came, for a loop that asks; a second Ctrl-C raises KeyboardInterrupt.

    `received` is 0 or the signal's number; of several, one that ends without requeueing wins.
    """

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[Signals, Any] = {}

    def raise_for(self, numbers: Iterable[Signals]) -> None:
        """Answer these signals from now on, and one that `stop_at_once` met in vain."""
        self.received = max(_came, key=STRENGTH.index)
        _came[:] = [0]
        self._before = _answer(numbers, self._remember)

    def lower(self) -> None:
        """Leave the signals to whom they belonged before."""
        before, self._before = self._before, {}
        _restore(before)

    def owner(self, number: int) -> Any:
        """Who answered this signal before: a function of someone else's, or None."""
        found = self._before.get(Signals(number))
        return found if callable(found) and found not in (stop_at_once, signal.default_int_handler) else None

    def _remember(self, number: int, frame: Any) -> None:
        if number == SIGINT and self.received:
            raise KeyboardInterrupt
        if self.received not in ENDING:
            self.received = number
        if number == SIGINT and os.environ.get("LOCAL_RANK", "0") == "0" and sys.__stderr__ is not None:
            with suppress(OSError):  # where nobody listens
                # Not through sys.stderr, which may be in the middle of a write.
                os.write(sys.__stderr__.fileno(), b"\nends after this step; Ctrl-C again ends at once\n")


def started_by_lightning() -> bool:
    """Whether this is another process of a run than the one that the user started."""
    # srun sets no LOCAL_RANK, and torchrun a RANK too.
    return os.environ.get("LOCAL_RANK", "0") != "0" and "RANK" not in os.environ


def _answer(numbers: Iterable[Signals], handler: Any) -> dict[Signals, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    if signal.getsignal(SIGINT) == signal.SIG_IGN:  # in a shell's background Ctrl-C is for others
        numbers = [number for number in numbers if number != SIGINT]
    return {number: signal.signal(number, handler) for number in numbers}


def _restore(before: dict[Signals, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
