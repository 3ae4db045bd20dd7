"""`cl-train` inside the tests' process, each test in a working folder of its own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cl_lightning.train import main


class Ended(NamedTuple):
    """How a command ended: its exit code, the run folders that it left, and what it wrote."""

    code: int
    err: str
    runs: list[Path]
    out: str = ""

    def refusal(self) -> str:
        """The one line of a config that was refused before anything was written."""
        assert self.runs == []
        return self.stop()

    def stop(self) -> str:
        """The one line of a run that stopped with an error, warnings apart."""
        lines = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
        assert self.code == 1, self.err
        assert len(lines) == 1, self.err
        assert lines[0].startswith("cl-train: "), self.err
        return lines[0]

    def trained(self) -> Path:
        """The folder of the run, which ended well."""
        assert self.code == 0, self.err
        (folder,) = self.runs
        assert (folder / "summary.json").is_file()
        return folder


Train = Callable[..., Ended]


@pytest.fixture
def train(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Train:
    """`train(*overrides)` runs `cl-train *overrides`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)  # denormals of other tests

    def run(*overrides: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["cl-train", *overrides])
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        assert isinstance(code, int)
        runs = tmp_path / "runs"
        told = capfd.readouterr()
        return Ended(code, told.err, sorted(runs.iterdir()) if runs.is_dir() else [], told.out)

    return run
