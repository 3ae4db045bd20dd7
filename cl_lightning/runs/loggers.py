"""Where the curves of a run go, and its config with them."""

import os
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
from cl_lightning.runs.folder import RunFolder

EXTRAS = {"WandbLogger": "wandb", "MLFlowLogger": "mlflow"}  # package and extra have one name
COMPARED = ("val/knn_top1", "train/loss")  # columns of TensorBoard's table of runs

Factories = dict[str, "partial[Logger]"]


def assemble_loggers(config: dict[str, Any], folder: RunFolder) -> Factories:
    """What makes the loggers of a config; nothing is written, and no server asked, before they are made.

    Raises:
        ConfigError: an argument that a logger does not take, a package that is missing.
    """
    nodes = config["logger"] if config["trainer"]["logger"] else {}
    return {name: _factory(name, node, config, folder) for name, node in nodes.items() if node is not None}


def _factory(name: str, node: Any, config: dict[str, Any], folder: RunFolder) -> "partial[Logger]":
    target = str(node.get("_target_")).rpartition(".")[2] if isinstance(node, Mapping) else None
    extra = EXTRAS.get(target or "")
    if extra is not None and find_spec(extra) is None:
        raise ConfigError(f"logger.{name} needs {extra}: pip install cl_lightning[{extra}]")
    given: dict[str, Any] = {"save_dir": folder.path}
    if target == "WandbLogger":
        given["name"] = folder.path.name
    elif target == "MLFlowLogger":
        given = {"run_name": folder.path.name, "tracking_uri": _tracking_uri(node, config["run"]["root"])}
    return build({**node, "_partial_": True} if target else node, f"logger.{name}", **given)


def _tracking_uri(node: Mapping[str, Any], root: str) -> str:
    """The config's, else that of MLflow's own environment variable, else a file for all runs below `root`."""
    given = node.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{Path(root) / 'mlflow.db'}"


@contextmanager
def recorded(trainer: Trainer, factories: Factories, config: dict[str, Any]) -> Iterator[None]:
    """Inside, `trainer` has its loggers, which know the resolved config, and end with the run.

    Raises:
        ConfigError: an account that is not logged in, a server that refuses.
    """
    first = trainer.is_global_zero
    for name, factory in factories.items():
        if factory.func is MLFlowLogger and not first:
            continue  # it connects at once, and all processes would make the same tables
        with refused(f"logger.{name}"):
            logger = factory()
            if first:
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
    logger.log_hyperparams(keys)
    if isinstance(logger, TensorBoardLogger):
        # Lightning would set each metric of the table to a value of its own.
        values = {k: v if isinstance(v, (bool, int, float, str)) else str(v) for k, v in keys.items()}
        for summary in hparams(values, dict.fromkeys(COMPARED, 0.0)):
            logger.experiment.file_writer.add_summary(summary)


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The keys of a config as the command line takes them, such as `loss.temperature`, with their values."""
    keys: dict[str, Any] = {}
    for name, value in config.items():
        keys |= flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return keys
