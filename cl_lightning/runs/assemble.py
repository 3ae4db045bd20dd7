"""Builds the objects of a run from its config."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.plugins.environments import SLURMEnvironment
from lightning.pytorch.strategies import DDPStrategy

from cl_lightning.blueprints import build
from cl_lightning.checkpoints import BackgroundCheckpointIO
from cl_lightning.data import ContrastiveData
from cl_lightning.data.map_style import MapStyle
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.processes import Processes

# Arguments of the Trainer that this module sets (see `trainer_settings.INSTEAD`) or passes to a callback.
NOT_FROM_CONFIG = ("callbacks", "logger", "default_root_dir", "max_time")
# These switches must agree with the callbacks; otherwise Lightning adds its own callbacks, or refuses ours.
SWITCHES = {"enable_checkpointing": {"checkpoint", "preemption"}, "enable_progress_bar": {"progress"}}
# Data sets that take `rules`.
PHOTO_FOLDERS = tuple(f"cl_lightning.data.{name}" for name in ("image_folder", "imagenet", "imagenette"))
SETTINGS = ("batch_size", "num_workers", "max_broken", "positives")  # keys of data that are not data sets
RULES = 3  # the rules by which new runs find photos and splits
BY_DEVICES = ("auto", "ddp")  # strategies that mean our DDP if there are several processes
# Arguments of the Trainer that determine the number of processes.
PROCESSES = ("_target_", "accelerator", "devices", "num_nodes", "strategy", "plugins")


def assemble_method(config: dict[str, Any]) -> ContrastiveModule:
    """The method with its pairs, encoder and loss; its weights are a function of `seed`."""
    seed_everything(config["seed"], verbose=False)
    parts = ("views", "encoder", "loss", "optimizer", "schedule")
    method = build(config["method"], "method", **{part: build(config[part], part) for part in parts})
    method.default_callbacks.clear()  # the config names all callbacks
    return method


def assemble_data(config: dict[str, Any], rules: int = RULES) -> ContrastiveData:
    """The data module; `rules` is the version of the rules for folders of photos."""
    return data_of(config, assemble_sets(config, rules))


def assemble_sets(config: dict[str, Any], rules: int = RULES) -> dict[str, MapStyle]:
    """The data sets of a config by their keys: train, and val and bank if it has them."""
    data = config["data"]
    names = ["train", *(name for name in ("val", "bank") if data.get(name) is not None)]
    return {name: build(data.get(name), f"data.{name}", **_rules(data.get(name), rules)) for name in names}


def data_of(config: dict[str, Any], sets: Mapping[str, MapStyle]) -> ContrastiveData:
    """The data module of these data sets, with the settings of a config."""
    settings = {name: config["data"][name] for name in SETTINGS if name in config["data"]}
    node = {"_target_": "cl_lightning.data.ContrastiveData", **settings}
    return build(node, "data", seed=config["seed"], **sets)


def _rules(node: Any, rules: int) -> dict[str, int]:
    return {"rules": rules} if isinstance(node, Mapping) and node.get("_target_") in PHOTO_FOLDERS else {}


def assemble_trainer(config: dict[str, Any], folder: RunFolder) -> Trainer:
    """The Trainer with its callbacks, which write into the run folder. Loggers are added when it starts."""
    node = {name: value for name, value in config["trainer"].items() if name not in NOT_FROM_CONFIG}
    for switch, names in SWITCHES.items():
        if node.get(switch) is None and not any(config["callbacks"].get(name) for name in names):
            node[switch] = False
    return build(
        node,
        "trainer",
        **assemble_ddp(node),
        callbacks=assemble_callbacks(config, folder.checkpoint.parent),
        logger=False,  # see `loggers.recorded`
        plugins=assemble_plugins(),
        default_root_dir=folder.path,
    )


def assemble_callbacks(config: dict[str, Any], checkpoints: Path) -> list[Any]:
    """The callbacks of a config, without those that a switch of the Trainer turns off."""
    switched = [names for switch, names in SWITCHES.items() if config["trainer"].get(switch) is False]
    given: dict[str, dict[str, Any]] = {"checkpoint": {"dirpath": checkpoints}}
    if (limit := config["trainer"].get("max_time")) is not None:  # Lightning's timer would not save first
        given["preemption"] = {"max_time": limit}
    return [
        build(node, f"callbacks.{name}", **given.get(name, {}))
        for name, node in config["callbacks"].items()
        if node is not None and not any(name in names for names in switched)
    ]


def assemble_plugins() -> list[Any]:
    """Plugins for checkpoints, and for SLURM, whose signals only `Preemption` handles."""
    slurm = [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []
    return [BackgroundCheckpointIO(), *slurm]


def assemble_ddp(trainer: dict[str, Any]) -> dict[str, DDPStrategy]:
    """The Trainer's `strategy` for several processes; empty for one process, or if the config names one."""
    if trainer.get("strategy") not in BY_DEVICES:
        return {}
    node = {name: trainer[name] for name in PROCESSES if name in trainer}
    if not isinstance(build(node, "trainer", logger=False).strategy, DDPStrategy):
        return {}
    return {
        "strategy": Processes(
            broadcast_buffers=False,  # every rank computes the same running statistics
            find_unused_parameters=False,
            gradient_as_bucket_view=True,
            static_graph=trainer["accumulate_grad_batches"] == 1,  # torch's reducer fails with both
        )
    }
