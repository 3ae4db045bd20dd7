"""Trains a classifier to the last epoch, and predicts."""

import sys
from collections.abc import Callable

import torch
from jaxtyping import Int64
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks.progress import RunProgress
from cl_lightning.data.labelled_data import LabelledData
from cl_lightning.distributed.saved_by_rank import gather_objects
from cl_lightning.evaluation.classifier import Classifier


def predictions(
    classifier: Classifier, data: LabelledData, trainer: Callable[..., Trainer], told: str
) -> Int64[Tensor, " images"]:
    """The labels that a classifier predicts after its last epoch, in order, on every process.

    Args:
        trainer: makes a Trainer with the arguments that it is given.
        told: what is trained, for the line above the progress.

    Raises:
        ConfigError: the weights are not finite any more.
    """
    rank_zero_only(print)(told, file=sys.stderr, flush=True)
    fitting = trainer(callbacks=[RunProgress()], enable_progress_bar=True)
    with isolate_rng():
        seed_everything(data.seed, verbose=False)  # of dropout in the network
        fitting.fit(classifier, datamodule=data)
    if not all(torch.isfinite(p).all() for p in classifier.parameters()):
        raise ConfigError(
            f"{told}: the weights are not finite after {fitting.max_epochs} epochs, so this network can't be "
            "trained by this recipe; accepted: other protocols (--protocol)"
        )
    own = fitting.predict(classifier, datamodule=data)
    return torch.cat(gather_objects(torch.cat(own)))  # type: ignore[arg-type]
