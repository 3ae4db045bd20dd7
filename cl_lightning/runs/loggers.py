"""Where the curves of a run go, and its config with them."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from torch.utils.tensorboard.summary import hparams

from cl_lightning.blueprints import ConfigError, build, refused
from cl_lightning.files import printable
from cl_lightning.runs.checking.logger_keys import check_logger
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import flat

EXTRAS = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow"}  # package and extra have one name
OF_A_FILE = ("sqlalchemy", "alembic")  # what MLflow needs for a file or database without a server
SERVERS = ("http:", "https:", "databricks")
TAG = "cl_lightning_run"  # of MLflow's runs, with the hash
COMPARED = ("val/knn_top1", "train/loss")  # columns of TensorBoard's table of runs

Factories = dict[str, "partial[Logger]"]


def assemble_loggers(config: dict[str, Any], folder: RunFolder, resumed_step: int | None = None) -> Factories:
    """What makes the loggers of a config; nothing is written, and no server asked, before they are made.

    Args:
        resumed_step: optimizer steps of the checkpoint that the run continues from; None where it begins.
            TensorBoard hides what was logged after them, and MLflow goes on with its run of this hash. W&B
            goes on with its run of this name in any case.

    Raises:
        ConfigError: an argument that a logger does not take, another place than the run folder, a package
            that is missing.
    """
    nodes = config["logger"] if config["trainer"]["logger"] else {}
    return {
        name: _factory(name, node, config, folder, resumed_step)
        for name, node in nodes.items()
        if node is not None
    }


def _factory(
    name: str, node: Any, config: dict[str, Any], folder: RunFolder, resumed_step: int | None
) -> "partial[Logger]":
    target = str(node.get("_target_")).rpartition(".")[2] if isinstance(node, Mapping) else None
    _check_packages(name, target, node, config["run"]["root"])
    given: dict[str, Any] = {"save_dir": folder.path}
    if isinstance(node, Mapping):
        check_logger(name, node, config["callbacks"])
    if target == "TensorBoardLogger":
        given["purge_step"] = resumed_step
    elif target == "WandbLogger":
        if not node.get("name"):
            given["name"] = folder.path.name
        if not node.get("id") and not node.get("version"):
            given["id"] = _wandb_id(folder.path.name)
    elif target == "MLFlowLogger":
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # else it tells its makers of its use
        given = {
            "run_name": node.get("run_name") or folder.path.name,
            "tracking_uri": _tracking_uri(node, config["run"]["root"]),
            "tags": {**(node.get("tags") or {}), TAG: folder.path.name.rpartition("-")[2]},
        }
    factory: partial[Logger] = build(
        {**node, "_partial_": True} if target else node, f"logger.{name}", **given
    )
    continues = target == "MLFlowLogger" and resumed_step is not None and not node.get("run_id")
    return partial(continued_mlflow, factory) if continues else factory


def _check_packages(name: str, target: str | None, node: Any, root: str) -> None:
    """Refuse a logger whose packages are not all there."""
    extra = EXTRAS.get(target or "")
    if extra is None:
        return
    without_server = extra == "mlflow" and not _tracking_uri(node, root).startswith(SERVERS)
    for package in (extra, *(OF_A_FILE if without_server else ())):
        if find_spec(package) is None:
            raise ConfigError(
                f"logger.{name} needs {package}, which is missing; accepted: pip install "
                f"'cl_lightning[{extra}]'"
            )


def _wandb_id(folder: str) -> str:
    """What W&B knows the run by over all its restarts; of the signs that it takes, the hash last."""
    return re.sub("[^A-Za-z0-9_.-]", "-", folder)[-64:]


def _tracking_uri(node: Mapping[str, Any], root: str) -> str:
    """The config's, else that of MLflow's own environment variable, else a file for all runs below `root`."""
    given = node.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{Path(root) / 'mlflow.db'}"


def continued_mlflow(factory: "partial[Logger]") -> Logger:
    """A logger that goes on with the run of this hash that MLflow has, or begins one where it has none."""
    from mlflow import MlflowClient

    settings = factory.keywords
    client, identity = MlflowClient(settings["tracking_uri"]), settings["tags"][TAG]
    experiment = client.get_experiment_by_name(settings.get("experiment_name", "lightning_logs"))
    if experiment is None:
        return factory()
    for words in (f"tags.{TAG} = '{identity}'", f"run_name LIKE '%-{identity}'"):  # the latter of old runs
        if runs := client.search_runs([experiment.experiment_id], words):
            return factory(run_id=runs[0].info.run_id)
    return factory()


@contextmanager
def recorded(trainer: Trainer, factories: Factories, config: dict[str, Any]) -> Iterator[None]:
    """Inside, `trainer` has its loggers, which know the resolved config, and end with the run.

    Raises:
        ConfigError: an account that is not logged in, a server that refuses.
    """
    first = trainer.is_global_zero
    for name, factory in factories.items():
        if factory.func in (MLFlowLogger, continued_mlflow) and not first:
            continue  # it connects at once, and all processes would make the same tables
        with refused(f"logger.{name}"):
            logger = factory()
            if first and config["trainer"].get("enable_autolog_hparams", True):
                _log_config(logger, flat(config))
        trainer.loggers = [*trainer.loggers, logger]
    try:
        yield
    except BaseException:
        _finish(trainer, exit_code=1)
        raise
    _finish(trainer, exit_code=0)


def _finish(trainer: Trainer, exit_code: int) -> None:
    """End the run on W&B, which would else take the next job of a sweep for the same one."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger) and trainer.is_global_zero:
            logger.experiment.finish(exit_code=exit_code)


def _log_config(logger: Logger, keys: dict[str, Any]) -> None:
    if isinstance(logger, CSVLogger):
        return  # the run folder has its config.yaml
    if isinstance(logger, MLFlowLogger) and logger.experiment.get_run(logger.run_id).data.params:
        return  # of a continued run, which MLflow lets no one change
    keys = {k: printable(v) if isinstance(v, str) else v for k, v in keys.items()}
    logger.log_hyperparams(keys)
    if isinstance(logger, TensorBoardLogger):
        # Lightning would set each metric of the table to a value of its own.
        values = {k: v if isinstance(v, (bool, int, float, str)) else str(v) for k, v in keys.items()}
        for summary in hparams(values, dict.fromkeys(COMPARED, 0.0)):
            logger.experiment.file_writer.add_summary(summary)
