"""One SLURM for the tests of a file."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests import warm
from tests.processes import end_all
from tests.resume.compare import ended_with
from tests.slurm.cluster import Cluster, missing
from tests.slurm.runs import cl_train, run_folders


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Started for the first test that asks, ended after the last; its variables are this process's too."""
    if absent := missing():
        reason = f"SLURM is not installed ({', '.join(absent)})"
        (pytest.fail if os.environ.get("CL_LIGHTNING_CI") else pytest.skip)(reason)
    made = Cluster(tmp_path_factory.mktemp("slurm"))
    before = dict(os.environ)
    try:
        made.start()
        os.environ.update(made.environment)
        yield made
    finally:
        end_all()
        warm.end()  # both may have the variables by which `stop` finds what the jobs have left
        made.stop()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the run of `SMALL` ends with that SLURM knows nothing of."""
    folder = tmp_path_factory.mktemp("undisturbed")
    ended = cl_train(folder, "trainer=cpu")
    assert ended.returncode == 0, ended.stderr
    (found,) = run_folders(folder)
    return ended_with(found)
