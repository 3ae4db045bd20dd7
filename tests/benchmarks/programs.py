"""Python programs that a benchmark starts."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def output(
    arguments: Sequence[str], folder: str | Path | None = None, settings: Mapping[str, str] | None = None
) -> str:
    """What `python ARGUMENTS` prints, with these environment variables and without those of threads.

    Raises RuntimeError with all that it wrote if it fails.
    """
    threads = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT")
    environment = {key: value for key, value in os.environ.items() if key not in threads}
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment | dict(settings or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout
