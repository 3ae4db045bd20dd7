"""Trains classifiers on the network of a subject, on its devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins.environments import SLURMEnvironment
from torch import nn

from cl_lightning.callbacks.own_signals import OwnSignals
from cl_lightning.evaluation import Result, draw_labels
from cl_lightning.evaluation.by_sgd import Learner
from cl_lightning.evaluation.draws import Amount
from cl_lightning.evaluation.phrases import briefly, labelled
from cl_lightning.evaluation.recipe import Recipe
from cl_lightning.runs.evaluating.networks import frozen_network
from cl_lightning.runs.evaluating.subject import Subject
from cl_lightning.runs.frozen_trainer import PATIENCE
from cl_lightning.runs.processes import Processes


@dataclass(frozen=True)
class Labelled:
    """The rows of the labelled images for each seed (None: all), in short and for a protocol."""

    rows: Sequence[np.ndarray | None]
    title: str
    phrase: str


def all_of(subject: Subject, seeds: int) -> Labelled:
    """All images."""
    return Labelled([None] * seeds, "all labels", f"all {len(subject.train.labels):,} labels")


def of_amount(subject: Subject, amount: Amount, seeds: int) -> Labelled:
    """So many of each class, drawn as for a probe: seed i has draw i.

    Raises:
        ValueError: a class has fewer images.
    """
    rows = draw_labels(subject.train.labels.numpy(), amount, seeds)
    return Labelled(rows, briefly(amount), labelled(amount))


def result(
    subject: Subject, title: str, heading: str, recipe: Recipe, frozen: bool, images: Labelled
) -> Result:
    """The column of a classifier that is trained on a copy of the network, with the network or without."""
    learner = Learner(
        *(subject.network, subject.views, subject.data, subject.train, subject.val),
        partial(trainer_alike, subject.asked.trainer),
        _precision(subject),
        partial(_drawn, subject) if subject.source == "untrained" else None,
    )
    told = f"{subject.folder.path.name} ({subject.source}): {title}"
    found = learner.accuracy(recipe, frozen, images.rows, images.phrase, told)
    values = {"accuracy": found.accuracy, "std": found.std, "draws": found.draws}
    return Result(title, heading, values, found.protocol, found.predicted)


def _drawn(subject: Subject, seed: int) -> nn.Module:
    """An untrained network: of the run's seed for the first training, of the next seeds for the others."""
    if seed == 0:
        return subject.network
    config = subject.config | {"seed": subject.config["seed"] + seed}
    return frozen_network(subject.folder, config, "untrained")[0]


def _precision(subject: Subject) -> str:
    """That of the run, if it is a mixed one and there is a GPU: on a CPU it would only be slower."""
    own, trainer = str(subject.config["trainer"].get("precision")), subject.asked.trainer
    on_gpu = torch.cuda.is_available() if trainer is None else trainer.strategy.root_device.type == "cuda"
    return own if own.endswith("-mixed") and on_gpu else "32-true"


def trainer_alike(other: Trainer | None, callbacks: Sequence[Callback], **settings: Any) -> Trainer:
    """A Trainer that leaves nothing behind, on the devices of another one; None: on one device."""
    settings |= {"callbacks": [*callbacks, OwnSignals()]}
    settings |= {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    if other is None:
        return Trainer(devices=1, **settings)
    if other.world_size > 1:
        settings["strategy"] = Processes("cl-eval", timeout=PATIENCE, broadcast_buffers=False)
    return Trainer(
        accelerator=other.strategy.root_device.type,
        devices=other.num_devices,
        num_nodes=other.num_nodes,
        use_distributed_sampler=False,
        plugins=[SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else [],
        **settings,
    )
