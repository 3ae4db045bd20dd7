"""Trained runs to evaluate."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from cl_lightning.commands import conf_folder
from cl_lightning.runs import RunFolder
from cl_lightning.train import train

SMALL = (
    "data=synthetic",
    "data.size=8",
    "data.train.images=64",
    "data.val.images=32",
    "data.batch_size=16",
    "encoder=small_conv_net",
    "encoder.backbone.widths=[8,16]",
    "encoder.backbone.strides=[2,2]",
    "encoder.out_features=8",
    "schedule.warmup_epochs=0",
    "callbacks.knn.k=100",  # more than the bank has
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "callbacks.progress=null",
    "callbacks.start_report=null",
    "logger=csv",
)
MOCO = ("method=moco_v2", "callbacks.negative_queue.length=32", "callbacks.momentum_encoder.momentum=0.9")


@pytest.fixture(scope="package")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root, folders = tmp_path_factory.mktemp("trained"), {}
    for name, overrides in (("simclr", ()), ("moco", MOCO)):
        with initialize_config_dir(conf_folder(), version_base="1.3"):
            cfg = compose("train", [*SMALL, *overrides, f"run.root={root}", f"run.name={name}"])
        config: Any = OmegaConf.to_container(cfg, resolve=True)
        train(config)
        folders[name] = RunFolder.of(config).path
    return folders


@pytest.fixture(autouse=True)
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws no confusions, which takes longer than all that is measured; test_pictures does."""
    empty = Figure(figsize=(1, 1))
    monkeypatch.setattr("cl_lightning.runs.evaluating.evaluation.plot_confusion", lambda *_: empty)


@pytest.fixture
def run(trained: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A fresh copy of a trained run."""
    return lambda name: Path(shutil.copytree(trained[name], tmp_path / trained[name].name))
