"""W&B, MLflow and TensorBoard get the curves and the config of a run; metrics.csv stays."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer import event_file_writer

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder
from cl_lightning.runs.assemble import assemble_trainer
from cl_lightning.runs.loggers import Factories, assemble_loggers, flat, recorded
from cl_lightning.train import train
from tests.small import SMALL, config

WITHOUT_LOGGER = [o for o in SMALL if o != "logger=csv"]


@pytest.fixture(autouse=True)
def _no_server_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "wandb_home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def small(*overrides: str) -> dict[str, Any]:
    return config(*WITHOUT_LOGGER, *overrides)


def asked(file: str, question: str) -> dict[str, Any]:
    return dict(sqlite3.connect(file).execute(question).fetchall())


def test_mlflow_holds_every_key_of_the_config_and_the_curves() -> None:
    run = small("logger=mlflow")
    folder, summary = RunFolder.of(run), train(run)
    parameters = asked("runs/mlflow.db", "select key, value from params")
    assert parameters == {key: str(value) for key, value in flat(run).items()}
    metrics = asked("runs/mlflow.db", "select key, value from latest_metrics")
    assert metrics["val/knn_top1"] == pytest.approx(summary["knn_top1"])
    assert asked("runs/mlflow.db", "select name, status from runs") == {folder.path.name: "FINISHED"}
    assert "val/knn_top1" in folder.metrics.read_text()
    assert {path.name for path in Path().iterdir()} == {"runs"}


def test_wandb_holds_the_config_and_each_job_of_a_sweep_is_a_run_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import wandb

    begun, curves, init, log = [], {}, wandb.init, wandb.Run.log

    def watched(run: wandb.Run, values: dict[str, Any]) -> None:
        curves.setdefault(run.name, {}).update(values)
        log(run, values)

    monkeypatch.setattr("wandb.init", lambda **given: begun.append(init(**given)) or begun[-1])
    monkeypatch.setattr("wandb.Run.log", watched)
    runs = [small("logger=wandb", f"seed={seed}") for seed in (0, 1)]
    summaries = [train(run) for run in runs]
    assert [run.name for run in begun] == [RunFolder.of(run).path.name for run in runs]
    assert len({run.id for run in begun}) == 2
    assert wandb.run is None
    for begun_run, run, summary in zip(begun, runs, summaries, strict=True):
        assert dict(begun_run.config) == flat(run)
        assert curves[begun_run.name]["val/knn_top1"] == pytest.approx(summary["knn_top1"])
        assert list(RunFolder.of(run).path.glob("wandb/offline-run-*/*.wandb"))
        assert "val/knn_top1" in RunFolder.of(run).metrics.read_text()


def test_a_run_that_fails_ends_its_wandb_run_too() -> None:
    import wandb

    run = small("logger=wandb")
    trainer = assemble_trainer(run, RunFolder.of(run))

    def fail() -> None:
        with recorded(trainer, assemble_loggers(run, RunFolder.of(run)), run):
            assert wandb.run is not None
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fail()
    assert wandb.run is None


def test_tensorboard_compares_runs_by_their_keys_and_csv_writes_no_second_config() -> None:
    run = small("logger=csv_tensorboard")
    train(run)
    folder = RunFolder.of(run).path
    assert not (folder / "hparams.yaml").exists()
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    contents = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    started = plugin_data_pb2.HParamsPluginData.FromString(contents).session_start_info.hparams
    assert started["loss.temperature"].number_value == run["loss"]["temperature"]
    assert set(started) == set(flat(run))
    assert [event.step for event in events.Scalars("val/knn_top1")] == [1]  # no made-up value beside it


@pytest.mark.parametrize(
    ("option", "package"),
    [("wandb", "wandb"), ("mlflow", "mlflow"), ("mlflow", "sqlalchemy"), ("mlflow", "alembic")],
)
def test_a_missing_package_is_told_with_its_extra_and_nothing_is_written(
    option: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ConfigError, match=rf"^logger\.{option} needs {package}, .*: pip install 'cl_lightning\[{option}\]'$"
    ):
        train(small(f"logger={option}"))
    assert list(Path().iterdir()) == []


def test_mlflow_of_a_server_needs_no_packages_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    run = small("logger=mlflow", "logger.mlflow.tracking_uri=http://127.0.0.1:9")
    assert "mlflow" in assemble_loggers(run, RunFolder.of(run))


def test_a_server_of_mlflow_is_taken_from_the_config_then_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def uri(*overrides: str) -> str:
        run = small("logger=mlflow", *overrides)
        return assemble_loggers(run, RunFolder.of(run))["mlflow"].keywords["tracking_uri"]

    assert uri() == "sqlite:///runs/mlflow.db"
    assert uri("run.root=/data/runs") == "sqlite:////data/runs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there:5000")
    assert uri() == "http://there:5000"
    assert uri("logger.mlflow.tracking_uri=http://here:5000") == "http://here:5000"


@pytest.mark.parametrize(("given", "wanted"), [(None, "true"), ("false", "false")])
def test_mlflow_does_not_tell_its_makers_of_its_use_unless_it_is_asked_to(
    given: str | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", given or "")
    if given is None:
        monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY")
    run = small("logger=mlflow")
    assemble_loggers(run, RunFolder.of(run))
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == wanted


def test_an_account_that_is_not_logged_in_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**given: Any) -> None:
        raise RuntimeError("No API key configured. Use `wandb login` to log in.")

    monkeypatch.setattr("wandb.init", init)
    with pytest.raises(ConfigError, match=r"^logger\.wandb: No API key configured\. Use `wandb login`"):
        train(small("logger=wandb"))


def test_trainer_logger_false_has_none() -> None:
    run = small("logger=csv", "trainer.logger=false")
    assert assemble_loggers(run, RunFolder.of(run)) == {}
    assert assemble_trainer(run, RunFolder.of(run)).loggers == []


def test_a_refused_run_leaves_no_data_base() -> None:
    with pytest.raises(ConfigError, match="batch_size"):
        train(small("logger=mlflow", "data.batch_size=1000"))
    assert os.listdir() == []


def test_a_logger_that_cannot_begin_leaves_no_folder_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Any:
        raise ValueError("No API key configured")

    run = small("logger=csv")
    with monkeypatch.context() as patch:
        patch.setattr("cl_lightning.runs.loggers.assemble_loggers", lambda *_: {"wandb": partial(refuse)})
        with pytest.raises(ConfigError, match=r"logger\.wandb: No API key configured"):
            train(run)
    assert not RunFolder.of(run).path.exists()
    assert train(run)["steps"] == 2


def began_then_continued(
    overrides: tuple[str, ...], renamed: tuple[str, ...] = ()
) -> Iterator[tuple[dict[str, Any], RunFolder, Factories]]:
    """A run's loggers as it begins, and as it continues, maybe under another name, after two steps."""
    folder = RunFolder.of(small(*overrides))
    for more, step in (((), None), (renamed, 2)):
        run = small(*overrides, *more)
        yield run, folder, assemble_loggers(run, folder, step)


def test_tensorboard_hides_what_was_logged_after_the_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    # TensorBoard sorts files of the same second by this number, as text.
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(100))
    values = iter(((1, 2, 3, 4), (30, 40, 50)))
    for run, folder, factories in began_then_continued(("logger=csv_tensorboard",)):
        trainer = assemble_trainer(run, folder)
        with recorded(trainer, {"tensorboard": factories["tensorboard"]}, run):
            first = 0 if trainer.loggers[0]._kwargs["purge_step"] is None else 2  # steps count from 0
            for step, value in enumerate(next(values), start=first):
                trainer.loggers[0].log_metrics({"train/loss": value}, step=step)
            trainer.loggers[0].finalize("success")
    events = EventAccumulator(str(folder.path / "tensorboard")).Reload().Scalars("train/loss")
    assert [(event.step, event.value) for event in events] == [(0, 1), (1, 2), (2, 30), (3, 40), (4, 50)]


def test_mlflow_goes_on_with_the_run_of_this_hash(tmp_path: Path) -> None:
    overrides, renamed = ("logger=mlflow", f"run.root={tmp_path}"), ("run.name=renamed", "data.num_workers=3")
    for step, (run, folder, factories) in enumerate(began_then_continued(overrides, renamed)):
        trainer = assemble_trainer(run, folder)
        with recorded(trainer, {"mlflow": factories["mlflow"]}, run):
            trainer.loggers[0].log_metrics({"train/loss": 1.0}, step=step)
    file = str(tmp_path / "mlflow.db")
    assert set(asked(file, "select name, status from runs")) == {folder.path.name}
    assert asked(file, "select step, value from metrics") == {0: 1.0, 1: 1.0}
    parameters = asked(file, "select key, value from params")
    assert parameters == {key: str(value) for key, value in flat(small(*overrides)).items()}


def test_mlflow_begins_a_run_where_the_server_has_none(tmp_path: Path) -> None:
    run = small("logger=mlflow", f"run.root={tmp_path}")
    for number in (0, 1):  # no experiment of this name, then one with the run of another
        folder = RunFolder(tmp_path / f"run-{number:08x}")
        factories = assemble_loggers(run, folder, 2)
        with recorded(assemble_trainer(run, folder), {"mlflow": factories["mlflow"]}, run):
            pass
    names = asked(str(tmp_path / "mlflow.db"), "select name, status from runs")
    assert set(names) == {"run-00000000", "run-00000001"}


def test_wandb_knows_a_run_by_one_id_over_all_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[dict[str, Any]] = []
    monkeypatch.setattr("wandb.init", lambda **given: begun.append(given))
    for run, folder, factories in began_then_continued(("logger=wandb",)):
        with pytest.raises(ConfigError), recorded(assemble_trainer(run, folder), factories, run):
            pass  # this W&B gives no run
    assert [given["id"] for given in begun] == [folder.path.name] * 2
    assert [given["resume"] for given in begun] == ["allow"] * 2


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("a:b;c,d#e?f'g%h", "a-b-c-d-e-f-g-h-1a2b3c4d"),
        ("фото", "-----1a2b3c4d"),
        ("x" * 99, "x" * 55 + "-1a2b3c4d"),
    ],
)
def test_the_id_has_only_signs_that_wandb_takes(name: str, identity: str) -> None:
    import wandb

    factories = assemble_loggers(small("logger=wandb"), RunFolder(f"runs/{name}-1a2b3c4d"))
    assert factories["wandb"].keywords["id"] == identity
    assert wandb.Settings(run_id=identity).run_id == identity


@pytest.mark.parametrize("key", ["id", "version"])
def test_an_id_of_the_config_is_that_of_wandb(key: str) -> None:
    run = small("logger=wandb", f"+logger.wandb.{key}=mine", "+logger.wandb.resume=never")
    made = assemble_loggers(run, RunFolder.of(run))["wandb"]()
    assert (made._wandb_init["id"], made._wandb_init["resume"]) == ("mine", "never")
