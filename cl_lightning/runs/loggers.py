"""The loggers of a run, which record its curves and its config."""

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

from cl_lightning.blueprints import ConfigError, build, refused
from cl_lightning.files import printable
from cl_lightning.runs.checking.logger_keys import check_logger
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import flat

EXTRAS = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow"}  # package and extra have one name
OF_A_FILE = ("sqlalchemy", "alembic")  # packages that MLflow needs to write a file or database itself
SERVERS = ("http:", "https:", "databricks")
TAG = "cl_lightning_run"  # the tag of an MLflow run that holds the hash
COMPARED = ("val/knn_top1", "train/loss")  # columns of TensorBoard's table of runs

Factories = dict[str, "partial[Logger]"]


def assemble_loggers(config: dict[str, Any], folder: RunFolder, resumed_step: int | None = None) -> Factories:
    """Functions that make the loggers of a config. Until they are called, nothing is written or sent.

    Args:
        resumed_step: optimizer steps in the checkpoint from which the run continues; None for a new run.
            TensorBoard then hides what was logged after this step, and MLflow continues its run with this
            hash. W&B always continues its run of this name.

    Raises:
        ConfigError: a logger does not accept an argument, would write outside the run folder, or needs a
            package that is missing.
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
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # else MLflow reports its use to its makers
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
    """Refuse a logger if one of its packages is missing."""
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
    """The W&B id of the run, the same after restarts. Only allowed characters; ends with the hash."""
    return re.sub("[^A-Za-z0-9_.-]", "-", folder)[-64:]


def _tracking_uri(node: Mapping[str, Any], root: str) -> str:
    """The URI in the config, else in MLflow's environment variable, else one file for all runs in `root`."""
    given = node.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{Path(root) / 'mlflow.db'}"


def continued_mlflow(factory: "partial[Logger]") -> Logger:
    """A logger that continues MLflow's run with this hash, or begins a new one if there is none."""
    from mlflow import MlflowClient

    settings = factory.keywords
    client, identity = MlflowClient(settings["tracking_uri"]), settings["tags"][TAG]
    experiment = client.get_experiment_by_name(settings.get("experiment_name", "lightning_logs"))
    if experiment is None:
        return factory()
    for query in (f"tags.{TAG} = '{identity}'", f"run_name LIKE '%-{identity}'"):  # old runs have no tag
        if runs := client.search_runs([experiment.experiment_id], query):
            return factory(run_id=runs[0].info.run_id)
    return factory()


@contextmanager
def recorded(trainer: Trainer, factories: Factories, config: dict[str, Any]) -> Iterator[None]:
    """In this block `trainer` has its loggers, which have recorded the resolved config.

    Raises:
        ConfigError: the user is not logged in, or a server refuses.
    """
    first = trainer.is_global_zero
    for name, factory in factories.items():
        if factory.func in (MLFlowLogger, continued_mlflow) and not first:
            continue  # it connects immediately, and all processes would make the same tables
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
    """End the run on W&B; otherwise the next job of a sweep would continue it."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger) and trainer.is_global_zero:
            logger.experiment.finish(exit_code=exit_code)


def _log_config(logger: Logger, keys: dict[str, Any]) -> None:
    if isinstance(logger, CSVLogger):
        return  # the run folder has its config.yaml
    if isinstance(logger, MLFlowLogger) and logger.experiment.get_run(logger.run_id).data.params:
        return  # a continued run; MLflow does not allow parameters to change
    keys = {k: printable(v) if isinstance(v, str) else v for k, v in keys.items()}
    logger.log_hyperparams(keys)
    if isinstance(logger, TensorBoardLogger):
        from torch.utils.tensorboard.summary import hparams

        # Lightning would write its own values for the metrics in the table.
        values = {k: v if isinstance(v, (bool, int, float, str)) else str(v) for k, v in keys.items()}
        for summary in hparams(values, dict.fromkeys(COMPARED, 0.0)):
            logger.experiment.file_writer.add_summary(summary)
