"""One SLURM for all tests of this folder."""

import os
from collections.abc import Iterator

import pytest

from tests.slurm.cluster import Cluster, missing


@pytest.fixture(scope="session")
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
        made.stop()
        os.environ.clear()
        os.environ.update(before)
