"""Files written completely or not at all, and file names in messages. Imports nothing heavy."""

from cl_lightning.files.failing_once import FailingOnce
from cl_lightning.files.printable import printable
from cl_lightning.files.replacing import appearing, remove_unfinished, replacing

__all__ = ["FailingOnce", "appearing", "printable", "remove_unfinished", "replacing"]
