"""Sends an error from a worker to its parent process."""

import copy
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.reduction import ForkingPickler
from traceback import format_tb
from typing import NamedTuple

LARGEST = 50_000  # bytes that a pipe takes before the other end reads
LONGEST = 10_000  # characters of a message or traceback


class Failed(NamedTuple):
    """Message and traceback of an error. Sent before the error itself, which may not arrive."""

    message: str
    traceback: str


def failure(error: BaseException) -> tuple[Failed, BaseException]:
    """What to send: the error itself if it can be rebuilt, else one of its nearest builtin base class."""
    message = f"{type(error).__name__}: {error}"[:LONGEST]
    trace = "".join(format_tb(error.__traceback__))[-LONGEST:] + message
    return Failed(message, trace), next(filter(_arrives, _candidates(error, message)), RuntimeError(message))


def _candidates(error: BaseException, message: str) -> Iterator[BaseException]:
    yield error
    for kind in type(error).__mro__:
        if kind.__module__ == "builtins" and issubclass(kind, Exception):
            with suppress(TypeError):  # a class that needs more arguments
                yield kind(message)


def _arrives(error: BaseException) -> bool:
    """Whether the other process can rebuild the same error. Not SystemExit, which would end that process."""
    try:
        copied, size = copy.copy(error), len(ForkingPickler.dumps(error))
    except Exception:  # its own methods may raise anything
        return False
    alike = type(copied) is type(error) and str(copied) == str(error)
    return isinstance(error, Exception) and alike and size < LARGEST
