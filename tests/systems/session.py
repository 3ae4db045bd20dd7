"""Commands in one process, in turn: `python -m tests.systems.session WHERE train ... then eval ...`."""

import importlib
import sys
from glob import glob
from itertools import groupby

from tests import warm
from tests.systems.network import leave_network, watch_network
from tests.systems.others import become_macos, become_windows

WHERE = {
    "macos": become_macos,
    "offline": leave_network,
    "watched": watch_network,
    "windows": become_windows,
}
MODULES = {"train": "cl_lightning.train", "eval": "cl_lightning.evaluate", "report": "cl_lightning.report"}

if __name__ == "__main__":
    where, *rest = sys.argv[1:]
    warm.import_all()
    WHERE[where]()
    commands = [list(words) for then, words in groupby(rest, "then".__eq__) if not then]
    for name, *words in commands:
        written_out = [path for word in words for path in (glob(word) or [word])]  # as a shell does
        sys.argv = [f"cl-{name}", *written_out]
        importlib.import_module(MODULES[name]).main()
