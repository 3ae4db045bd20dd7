"""Why a job failed, from what it left behind."""

from collections.abc import Sequence

from cl_lightning.runs import RunFolder
from cl_lightning.runs.messages import ENDED_EARLY
from cl_lightning.sweeps.jobs import JobError

OWN = ("cl-train: ", f"{JobError.__module__}.{JobError.__name__}: ")
STARTERS = ("srun: ", "slurmstepd: ")  # who tell only that it failed


def last_words(lines: Sequence[str], folder: RunFolder) -> str:
    """In one line what a process said last of its failure; empty where nothing is known.

    Args:
        lines: the end of its output.
        folder: of its run.
    """
    told = [line.strip() for line in lines if line.strip()]
    own = [line.removeprefix(start) for line in told for start in OWN if line.startswith(start)]
    if own and own[-1] != ENDED_EARLY:
        return own[-1]
    if folder.error.is_file():
        written = folder.error.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return written[-1] if written else ""
    others = [line for line in told if not line.startswith(STARTERS)]
    return (others or told or [""])[-1]
