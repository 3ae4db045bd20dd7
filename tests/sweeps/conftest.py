"""Each test has a working folder of its own, with runs/ in it, and leaves no temporary files."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.train import main


@pytest.fixture(autouse=True)
def _working_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """What `cl-train OVERRIDES` writes to both outputs, and its exit code."""

    def run(*overrides: str) -> tuple[str, str, int]:
        monkeypatch.setattr(sys, "argv", ["cl-train", *overrides])
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(str(ended.code))
        return (*capfd.readouterr(), code)

    return run
