"""Runs of a process that has the device."""

import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.cli.command import environment


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, dict[str, Any]]]:
    """The runs of some cases of `session.CASES`, by name; made once."""

    @cache
    def made(cases: str) -> dict[str, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("devices")
        command = [sys.executable, "-m", "tests.devices.session", "runs.json", cases]
        ran = warm.run(command, folder, environment(PYTHONPATH=str(warm.ROOT)), timeout=300)
        assert ran.returncode == 0, ran.stderr
        return json.loads(Path(folder, "runs.json").read_text())

    return made
