"""What a method has to do with its checkpoints."""

from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.trainer.states import TrainerFn

from cl_lightning.checkpoints import DESCRIPTION, Checkpoint
from cl_lightning.methods.described import HYPER_PARAMETERS, plain_hyper_parameters, rebuilt, saved
from cl_lightning.methods.resuming import Resumed
from cl_lightning.methods.settings import settings

M = TypeVar("M", bound="Checkpointed")


class Checkpointed(LightningModule):
    """A module that its checkpoint rebuilds, and whose fit goes on only as it began."""

    _resumed: Resumed | None = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what rebuilds the method, what its input is, and the settings that its numbers depend on."""
        checkpoint[DESCRIPTION] = saved(self) | {"settings": settings(self)}
        if HYPER_PARAMETERS in checkpoint:
            checkpoint[HYPER_PARAMETERS] = plain_hyper_parameters(checkpoint[HYPER_PARAMETERS])

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises ValueError for a fit that goes on with other settings than it began with; see `Resumed`."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            self._resumed = Resumed(checkpoint)
            self._resumed.check_settings(self)
        # Lightning does so after it has loaded the weights, and so would round those in float64.
        self.trainer.precision_plugin.convert_module(self)

    def on_fit_start(self) -> None:
        """Raises ValueError where the optimizer is another one than that of the checkpoint."""
        if self._resumed is not None and self.trainer.ckpt_path:
            self._resumed.check_optimizers(self)
        self._resumed = None

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls: type[M],
        checkpoint_path: str | Path,
        map_location: torch.device | str = "cpu",
        strict: bool = True,
        weights_only: bool = True,
        **given: Any,
    ) -> M:
        """The method that a run trained, its weights loaded strictly.

        Momentum encoder and queue stay in the checkpoint: `Trainer.fit(method, data, ckpt_path=...)`
        restores them.

        Args:
            checkpoint_path: a checkpoint file, or a run folder.
            map_location: the device.
            strict, weights_only: always true, as Lightning's callers may say.
            given: arguments of the method that replace the checkpoint's. Parts of the user's own code,
                such as an encoder with a backbone of their own, must be given.

        Raises:
            ValueError: no such checkpoint, a broken one, another method's, a part that must be given,
                weights that are missing or left over.
        """
        if not (strict and weights_only):
            raise ValueError(
                f"strict is {strict}, weights_only is {weights_only}; accepted: true, both always"
            )
        checkpoint = Checkpoint(checkpoint_path)
        method = cls(**rebuilt(cls.__name__, checkpoint, given))
        checkpoint.load_into(method, checkpoint.state_dict)
        return method.to(map_location)
