"""Runs that several tests look at."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import MODULE, SMALL, cl_train


@dataclass(frozen=True)
class Ran:
    """A command that has ended, and its working folder."""

    folder: Path
    process: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("single")
    return Ran(folder, cl_train(folder, *SMALL, "trainer=cpu"))


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Three jobs: one of a wrong value, one that the single run does too, and another."""
    folder = tmp_path_factory.mktemp("sweep")
    return Ran(folder, cl_train(folder, "-m", *SMALL, "trainer=cpu", "seed=-1,0,1", command=MODULE))


@pytest.fixture(scope="session")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("ddp")
    return Ran(folder, cl_train(folder, *SMALL, "trainer=ddp_cpu"))
