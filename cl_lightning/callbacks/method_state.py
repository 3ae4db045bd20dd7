"""The state of a method outside its module, such as a key encoder or a queue."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from lightning.pytorch import Callback, Trainer
from torch import nn


class MethodState(Callback):
    """A callback that holds a part of its method. Start report, checks, guard and health monitor use it.

    A method lists the kinds that it needs for training in `needed_callbacks`. A fit begins with a state of a
    checkpoint, or with one that the method has for this `part` in `begins_with`, or anew.
    """

    part: ClassVar[str] = ""  # the name of its part, as in `init.parts`

    @property
    def encoders(self) -> Sequence[nn.Module]:
        """The networks that it owns; they process views in a training step."""
        return ()

    @property
    def is_filled(self) -> bool:
        """Whether it is filled for the rest of the run, so that losses of epochs can be compared."""
        return True

    def check(self, method: Any, images: int) -> None:
        """Raises ValueError if it does not fit the method, or the images of one optimizer step."""

    def told_at_start(self, trainer: Trainer, method: Any) -> Mapping[str, str]:
        """Lines for the start report, by name."""
        return {}

    def least_bytes(self, method: Any) -> Mapping[str, int]:
        """Bytes of memory that it needs, by the config key that determines the size."""
        return {}

    def trouble(self, steps: int, told: bool) -> str | None:
        """A message if something is wrong after `steps` optimizer steps. `told`: it was already reported."""
        return None


def states_among(callbacks: Iterable[Any]) -> list[MethodState]:
    """The callbacks that hold a part of their method."""
    return [callback for callback in callbacks if isinstance(callback, MethodState)]


def states_of(trainer: Trainer) -> list[MethodState]:
    """The Trainer's callbacks that hold a part of their method."""
    return states_among(trainer.callbacks)  # type: ignore[attr-defined]


def key_of(kind: type[Any]) -> str:
    """The config's name for a kind of callback, such as momentum_encoder for MomentumEncoder."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
