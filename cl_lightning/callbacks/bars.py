"""Progress bars for terminals, and for files and logs."""

import os
import sys
from typing import Any

from tqdm import tqdm


class Lines(tqdm):
    """tqdm for files and logs: writes lines and updates none. No line at 0 % and at the end.

    The first step has its own line, which shows that the work has started, and its speed.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(leave=False, delay=sys.float_info.min, **settings)
        self.last_print_t = 0.0

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        if msg is None:
            self.fp.write(f"{self}\n")
            self.fp.flush()
        return False


def redraws() -> bool:
    """Whether stderr is a terminal on which a line can be updated."""
    # Some pseudo-terminals report 0 lines or columns; tqdm would draw nothing on them.
    if sys.stderr is None:  # it may be closed in a user's own script
        return False
    return sys.stderr.isatty() and min(os.get_terminal_size(sys.stderr.fileno())) > 0
