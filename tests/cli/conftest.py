"""Runs that several tests look at."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import SMALL, cl_train


@dataclass(frozen=True)
class Ran:
    """A command that has ended, and its working folder."""

    folder: Path
    process: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("single")
    return Ran(folder, cl_train(folder, *SMALL, "trainer=cpu", cold=True))


@pytest.fixture(scope="session")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("ddp")
    return Ran(folder, cl_train(folder, *SMALL, "trainer=ddp_cpu", cold=True))
