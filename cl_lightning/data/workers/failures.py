"""An error on its way from a worker to its parent."""

import copy
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.reduction import ForkingPickler
from traceback import format_tb
from typing import NamedTuple

LARGEST = 50_000  # bytes, which a pipe takes without anybody reading it
MOST_WORDS = 10_000


class Failed(NamedTuple):
    """What is told of an error before the error itself, which may not arrive."""

    words: str
    traceback: str


def failure(error: BaseException) -> tuple[Failed, BaseException]:
    """What can be sent of an error: the error itself, or else one of the kind nearest to it, in its words."""
    words = f"{type(error).__name__}: {error}"[:MOST_WORDS]
    trace = "".join(format_tb(error.__traceback__))[-MOST_WORDS:] + words
    return Failed(words, trace), next(filter(_arrives, _candidates(error, words)), RuntimeError(words))


def _candidates(error: BaseException, words: str) -> Iterator[BaseException]:
    yield error
    for kind in type(error).__mro__:
        if kind.__module__ == "builtins" and issubclass(kind, Exception):
            with suppress(TypeError):  # that takes more than words
                yield kind(words)


def _arrives(error: BaseException) -> bool:
    """Whether the other process can make the same of it: no SystemExit, which would end that one."""
    try:
        copied, size = copy.copy(error), len(ForkingPickler.dumps(error))
    except Exception:  # any that its own methods raise
        return False
    alike = type(copied) is type(error) and str(copied) == str(error)
    return isinstance(error, Exception) and alike and size < LARGEST
