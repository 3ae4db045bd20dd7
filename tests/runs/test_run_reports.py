"""The report at the end of a run: neither a kill nor a failure there costs the run."""

import json
from pathlib import Path

import pytest

from cl_lightning.reports.one_run import writing
from cl_lightning.runs import RunFolder
from cl_lightning.train import train
from tests.small import SMALL, config

pytestmark = [
    pytest.mark.usefixtures("with_report"),
    pytest.mark.filterwarnings("ignore:.*Experiment logs directory"),
]


def test_a_run_that_is_killed_before_it_is_finished_gets_its_report_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(*SMALL, f"run.root={tmp_path}")
    folder = RunFolder.of(settings)

    def killed(folder: RunFolder, name: str, content: object) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            train(settings)
    assert (folder.report.is_file(), folder.summary()) == (True, None)
    summary = train(settings)
    assert json.loads((folder.path / "summary.json").read_text()) == summary
    assert f"kNN accuracy {summary['knn_top1']:.3f}" in folder.report.read_text()


def test_a_run_is_finished_even_if_its_report_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(run: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(writing, "page", broken)
    settings = config(*SMALL, f"run.root={tmp_path}", "callbacks.knn=null")
    train(settings)
    folder = RunFolder.of(settings)
    assert (folder.state(), folder.report.exists()) == ("finished", False)
    assert str(folder.path) in capsys.readouterr().err
