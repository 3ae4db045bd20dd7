"""A stand-in for SLURM's `scontrol` that writes down what it was asked."""

import os
from pathlib import Path

import pytest


def stand_in(folder: Path, code: int = 0, words: str = "") -> Path:
    """Makes `folder`/scontrol, which ends with `code`; returns the file of what it was asked."""
    asked = folder / "asked"
    script = folder / "scontrol"
    script.write_text(f'#!/bin/sh\necho "$@" >> "{asked}"\necho "{words}" >&2\nexit {code}\n')
    script.chmod(0o755)
    return asked


def in_job(monkeypatch: pytest.MonkeyPatch, folder: Path, **variables: str) -> None:
    """As in a job of SLURM's that has these variables."""
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
