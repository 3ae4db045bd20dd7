"""What a method keeps outside its module, such as a key encoder or a queue, and what it tells of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer
from torch import nn


class MethodState(Callback):
    """A callback that holds a part of its method; start report, checks, guard and health monitor ask it.

    A method names in `needed_callbacks` those without which it can't train.
    """

    @property
    def encoders(self) -> Sequence[nn.Module]:
        """The networks that it owns; they see views in a training step."""
        return ()

    @property
    def is_filled(self) -> bool:
        """Whether it holds what it will hold for the rest of the run, so that losses can be compared."""
        return True

    def check(self, method: Any, images: int) -> None:
        """Raises ValueError where it does not fit the method and the images of one optimizer step."""

    def told_at_start(self, trainer: Trainer, method: Any) -> Mapping[str, str]:
        """Lines of the start report, by their names."""
        return {}

    def least_bytes(self, method: Any) -> Mapping[str, int]:
        """What it holds in memory, by the config key that makes it large."""
        return {}

    def trouble(self, steps: int, told: bool) -> str | None:
        """What goes wrong with it after `steps` optimizer steps; `told` says that it was told before."""
        return None


def states_among(callbacks: Iterable[Any]) -> list[MethodState]:
    """Those that hold a part of their method."""
    return [callback for callback in callbacks if isinstance(callback, MethodState)]


def states_of(trainer: Trainer) -> list[MethodState]:
    """Those among the Trainer's callbacks."""
    return states_among(trainer.callbacks)  # type: ignore[attr-defined]


def key_of(kind: type[Any]) -> str:
    """The config's name for a kind of callback: momentum_encoder of MomentumEncoder."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
