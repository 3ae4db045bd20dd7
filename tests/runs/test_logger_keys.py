"""Every key of a logger has its effect, or is refused with a reason."""

from pathlib import Path
from typing import Any

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder
from cl_lightning.runs.loggers import TAG, assemble_loggers, continued_mlflow
from tests.small import SMALL, config

BEST = "+callbacks.best={_target_: lightning.pytorch.callbacks.ModelCheckpoint}"


def made(logger: str, *overrides: str) -> dict[str, Any]:
    """What the logger of this name is made with."""
    run = config(*SMALL[:-1], f"logger={logger}", *overrides)
    return assemble_loggers(run, RunFolder.of(run))[logger.removeprefix("csv_")].keywords


@pytest.mark.parametrize(
    "override",
    [
        *("+logger.csv.save_dir=x", "+logger.csv.prefix=x", "logger.csv.name=x", "logger.csv.version=1"),
        *("+logger.wandb.save_dir=x", "+logger.wandb.dir=x", "+logger.wandb.log_model=true"),
        *("+logger.wandb.log_model=all", "+logger.mlflow.log_model=true", "+logger.mlflow.save_dir=x"),
        *("+logger.tensorboard.save_dir=x", "+logger.tensorboard.log_graph=true"),
        "+logger.tensorboard.purge_step=3",
    ],
)
def test_what_would_have_no_effect_is_refused_by_its_key(override: str) -> None:
    key = override.split("=")[0].removeprefix("+")
    name = key.split(".")[1]
    with pytest.raises(ConfigError, match=rf"^{key} is .*; accepted: "):
        made({"csv": "csv", "tensorboard": "csv_tensorboard"}.get(name, name), override)


def test_a_name_of_ones_own_is_the_runs_name() -> None:
    assert made("wandb", "+logger.wandb.name=mine")["name"] == "mine"
    assert made("mlflow", "+logger.mlflow.run_name=mine")["run_name"] == "mine"
    run = config(*SMALL)
    for logger, key in (("wandb", "name"), ("mlflow", "run_name")):
        assert made(logger)[key] == RunFolder.of(run).path.name


@pytest.mark.parametrize(
    ("logger", "key", "value"),
    [
        ("wandb", "group", "g"),
        ("wandb", "tags", ["a", "b"]),
        ("wandb", "prefix", "p"),
        ("wandb", "offline", True),
        ("mlflow", "prefix", "p"),
        ("mlflow", "artifact_location", "file:there"),
        ("csv_tensorboard", "sub_dir", "s"),
        ("csv_tensorboard", "version", "v"),
        ("csv_tensorboard", "default_hp_metric", True),
    ],
)
def test_other_keys_reach_the_logger(logger: str, key: str, value: Any) -> None:
    name = logger.removeprefix("csv_")
    words = str(value).lower().replace("'", "").replace(" ", "")
    reached = made(logger, f"++logger.{name}.{key}={words}")[key]
    assert (list(reached) if isinstance(reached, tuple) else reached) == value


@pytest.mark.parametrize("logger", ["wandb", "mlflow"])
def test_checkpoints_of_lightnings_own_callback_may_be_sent(logger: str) -> None:
    assert made(logger, f"+logger.{logger}.log_model=true", BEST)["log_model"] is True


def test_mlflow_goes_on_with_a_run_of_ones_own_name_and_tags(tmp_path: Path) -> None:
    own = ("+logger.mlflow.run_name=mine", "+logger.mlflow.tags={team: a}")
    place = f"logger.mlflow.tracking_uri=sqlite:///{tmp_path}/mlflow.db"
    run = config(*SMALL[:-1], "logger=mlflow", *own, place)
    RunFolder.of(run).path.mkdir(parents=True)
    first = assemble_loggers(run, RunFolder.of(run))["mlflow"]()
    begun = first.run_id
    again = assemble_loggers(run, RunFolder.of(run), resumed_step=1)["mlflow"]
    assert again.func is continued_mlflow
    continued = again()
    assert continued.run_id == begun
    tags = first.experiment.get_run(begun).data.tags
    assert (tags["team"], tags["mlflow.runName"]) == ("a", "mine")
    assert tags[TAG] == RunFolder.of(run).path.name.rpartition("-")[2]
