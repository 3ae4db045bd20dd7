"""Runs that nothing happens to, each made once."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.resume.compare import ended_with
from tests.resume.runs import run_folder, start, write_photos


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """What the run of some overrides ends with."""

    @cache
    def ended(*overrides: str) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("uninterrupted")
        write_photos(folder)
        process = start(folder, *overrides)
        assert process.returncode == 0, process.stderr
        return ended_with(run_folder(folder))

    return ended
