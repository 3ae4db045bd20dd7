"""Two and three processes, each started once for all tests."""

import pytest
import torch

from tests.distributed.world import World, compare


@pytest.fixture(
    scope="session",
    params=[
        (2, "cpu"),
        pytest.param((3, "cpu"), marks=pytest.mark.slow),
        *(pytest.param((n, "cuda"), marks=pytest.mark.gpu) for n in (2, 3)),
    ],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def world(request: pytest.FixtureRequest) -> World:
    processes, device = request.param
    if device == "cuda" and torch.cuda.device_count() < processes:
        pytest.skip(f"needs {processes} GPUs")
    return compare(processes, device)
