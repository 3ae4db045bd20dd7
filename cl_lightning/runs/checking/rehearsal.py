"""Runs every part of a step once, on one image: what fails here would fail in the first step."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from cl_lightning.blueprints import ConfigError, refused
from cl_lightning.data import ContrastiveData, TensorImages, image_and_label
from cl_lightning.data.channels import channels_of, in_channels
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.methods.labelled import check_labels
from cl_lightning.methods.modes import evaluating
from cl_lightning.optim import as_schedule
from cl_lightning.runs.checking.memory import check_memory
from cl_lightning.runs.checking.shared_memory import check_shared_memory
from cl_lightning.runs.checking.sizes import check_batch

LARGEST = torch.finfo(torch.float32).max


def rehearse(
    method: ContrastiveModule, data: ContrastiveData, total_steps: int, steps_per_epoch: float
) -> None:
    """Compute a loss, make the optimizer and the schedule, and pass first images through views and encoder.

    Raises:
        ConfigError: with the message of the part that failed, and its key.
    """
    trainer = data.trainer
    assert trainer is not None, "set in `sizes.steps`"
    check_batch(method, data.batch_size, trainer.world_size)
    check_memory(method, data, trainer)
    rehearse_loss(method)
    with refused("data"):
        check_labels(method.loss, data)
    optimizer = rehearse_optimizer(method)
    with refused("schedule"):
        schedule = as_schedule(method.schedule).fitted(total_steps, steps_per_epoch)
        schedule.attach(optimizer, total_steps, steps_per_epoch, effective_batch_size=data.batch_size)
    images, channels = {}, channels_of(method.views)
    for name, part in {"train": data.train, "val": data.val, "bank": data.bank}.items():
        if part is not None:
            with refused(f"data.{name}"):
                image, _ = image_and_label(part[0])
                images[name] = image if isinstance(part, TensorImages) else in_channels(image, channels)
                rehearse_image(method, images[name])
    check_shared_memory(method, data, images, trainer)


def rehearse_optimizer(method: ContrastiveModule) -> torch.optim.Optimizer:
    """The method's optimizer, made for one parameter."""
    with refused("optimizer"):
        optimizer = method.optimizer([{"params": [torch.zeros(1, requires_grad=True)]}])
    for name, value in optimizer.defaults.items():
        if isinstance(value, float) and not abs(value) <= LARGEST:
            raise ConfigError(f"optimizer.{name} is {value}; accepted: a number of at most {LARGEST:.1e}")
    return optimizer


def rehearse_loss(method: ContrastiveModule) -> None:
    """Check that the loss accepts the inputs that the method passes."""
    with refused("loss"):
        try:
            method.example_loss()
        except TypeError as error:
            fitting = ", ".join(f"loss={loss.__name__}" for loss in method.losses)
            raise ConfigError(
                f"loss does not fit {type(method).__name__}'s inputs ({error}); accepted: {fitting}"
            ) from error


@torch.no_grad()
def rehearse_image(method: ContrastiveModule, image: Tensor) -> None:
    """Pass one image through views and encoder, in evaluation mode so that no statistics change."""
    crop = method.views.crop_pair if getattr(method.views, "crops", False) else None  # type: ignore[attr-defined]
    pair = image if crop is None else crop(image, 0, 0)
    view, _ = method.views(pair[None], torch.zeros(1, dtype=torch.int64), 0)
    _check_channels(method.encoder.backbone, view)
    with refused("encoder"), evaluating(method.encoder), _not_compiled(method.encoder):
        method.encoder(view)


def _not_compiled(encoder: torch.nn.Module) -> AbstractContextManager[Any]:
    """For one image on the CPU a compiler would take minutes."""
    compiled = getattr(encoder, "compiled", False)
    return torch.compiler.set_stance("force_eager") if compiled else nullcontext()


def _check_channels(backbone: torch.nn.Module, view: Tensor) -> None:
    channels, images = getattr(backbone, "channels", None), view.shape[1]
    if channels is not None and channels != images:
        raise ConfigError(
            f"encoder.backbone.channels is {channels}, but images have {images}; accepted: {images} "
            "(data.channels)"
        )
