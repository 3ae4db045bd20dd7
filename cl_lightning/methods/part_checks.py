"""Checks of the arguments of a method."""

from functools import partial
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from cl_lightning.blueprints import ConfigError, target_of
from cl_lightning.callbacks.method_state import key_of
from cl_lightning.encoders import Encoder
from cl_lightning.losses import LOSSES

OPTIMIZER = "functools.partial(torch.optim.AdamW, lr=1e-3)"


def check_parts(views: Any, encoder: Any, loss: Any, optimizer: Any) -> None:
    """Raises ValueError for arguments of the wrong kind."""
    for name, part, example in (
        ("views", views, "cl_lightning.pairs.simclr_views(224)"),
        ("loss", loss, "functools.partial(cl_lightning.losses.nt_xent, temperature=0.1)"),
        ("optimizer", optimizer, OPTIMIZER),
    ):
        if not callable(part) and not isinstance(part, Optimizer):
            raise ValueError(f"{name} is {part!r}; accepted: what can be called, such as {example}")
    if not isinstance(encoder, Encoder):
        raise ValueError(
            f"encoder is a {type(encoder).__name__}; accepted: cl_lightning.encoders.Encoder(backbone, "
            "features=...) with any backbone"
        )
    if isinstance(optimizer, Optimizer):
        raise ValueError(
            f"optimizer is a {type(optimizer).__name__} that has its parameters; accepted: what makes one "
            f"from parameter groups, such as {OPTIMIZER}"
        )


def check_loss(method: Any, loss: Any) -> None:
    """Raises ConfigError for a loss of this package that the method can't call."""
    plain = partial(loss).func
    if method.losses and plain in LOSSES and plain not in method.losses:
        fitting = ", ".join(f"loss={fits.__name__}" for fits in method.losses)
        raise ConfigError(
            f"loss={plain.__name__} does not take what {type(method).__name__} gives it; accepted: {fitting} "
            "(in Python cl_lightning.losses has them, and a class of your own may name others as `losses`)"
        )


def check_views(views: Any, images: int) -> tuple[Tensor, Tensor]:
    """Raises ValueError unless `views` are two batches, [images, channels, height, width] each."""
    given = list(views) if isinstance(views, (tuple, list)) else [views]
    shapes = [tuple(v.shape) if isinstance(v, Tensor) else type(v).__name__ for v in given]
    fits = [isinstance(v, Tensor) and v.ndim == 4 and len(v) == images for v in given]
    if not isinstance(views, (tuple, list)) or len(given) != 2 or not all(fits):
        told = ", ".join(map(str, shapes))
        raise ValueError(
            f"views gave {told} for {images} images; accepted: two tensors (view_a, view_b), each [{images}, "
            "channels, height, width]"
        )
    return given[0], given[1]


def lacking(method: Any, kind: type[Any]) -> str:
    """The message if a run lacks a callback that its method needs."""
    target = target_of(kind) or f"{kind.__module__}.{kind.__qualname__}"
    return (
        f"{type(method).__name__} needs a {kind.__name__}, and callbacks has none; accepted: "
        f"'++callbacks.{key_of(kind)}={{_target_: {target}}}', in Python "
        f"Trainer(callbacks=[{kind.__name__}(), ...])"
    )
