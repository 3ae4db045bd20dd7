"""Finds out why a job failed, from its output and its run folder."""

from collections.abc import Sequence

from cl_lightning.commands.messages import ENDED_EARLY
from cl_lightning.runs import RunFolder
from cl_lightning.sweeps.jobs import JobError

OWN = ("cl-train: ", f"{JobError.__module__}.{JobError.__name__}: ")
STARTERS = ("srun: ", "slurmstepd: ")  # their lines only say that the job failed


def reason_in(lines: Sequence[str], folder: RunFolder) -> str:
    """The last message of a process about its failure, in one line; empty if there is none.

    Args:
        lines: the end of its output.
        folder: its run folder.
    """
    output = [line.strip() for line in lines if line.strip()]
    own = [line.removeprefix(start) for line in output for start in OWN if line.startswith(start)]
    if own and own[-1] != ENDED_EARLY:
        return own[-1]
    if folder.error.is_file():
        written = folder.error.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return written[-1] if written else ""
    others = [line for line in output if not line.startswith(STARTERS)]
    return (others or output or [""])[-1]
