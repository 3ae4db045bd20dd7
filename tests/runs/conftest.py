"""A run inside the tests' process leaves nothing behind for the tests after it."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _working_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)  # denormals of other tests
