"""Imports at a lower cost."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heavy_imports() -> Iterator[None]:
    """For the first imports of torch and Lightning in a command.

    What they make stays. Python would look for garbage in it again and again: a fifth of the time of these
    imports, and a third of a second now and then in training.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
