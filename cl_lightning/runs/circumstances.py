"""The code version and the machine that produced a result."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

import cl_lightning


def circumstances() -> dict[str, Any]:
    """The `commit` of this program's checkout, with "+changes" if files differ, and the `machine`.

    The commit is None if the program does not run from a checkout. No host, user or path is recorded.
    """
    return {"commit": commit(Path(cl_lightning.__file__).resolve().parent), "machine": machine()}


def commit(package: Path) -> str | None:
    """The commit of a package's files; None if they are not in a checkout."""
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None  # not in a checkout, or installed inside an unrelated one
    head = _git(package, "rev-parse", "HEAD")
    changed = _git(package, "status", "--porcelain", "--untracked-files=no", "--", ":/")
    return f"{head}+changes" if changed else head


def machine() -> dict[str, Any]:
    """The processor, the cores that this process may use, torch's number of threads, and the GPUs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"processor": _processor(), "cores": cores, "threads": torch.get_num_threads(), "gpus": gpus}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _git(folder: Path, *arguments: str) -> str | None:
    """The output of a git command; None if git is missing or fails."""
    try:
        asked = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None
