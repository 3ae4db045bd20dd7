"""Saves, loads and resumes methods."""

from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.trainer.states import TrainerFn

from cl_lightning.blueprints import find_own
from cl_lightning.checkpoints import AS_SAVED, DESCRIPTION, Checkpoint
from cl_lightning.methods.described import HYPER_PARAMETERS, plain_hyper_parameters, rebuilt, saved
from cl_lightning.methods.resuming import Resumed
from cl_lightning.methods.settings import settings

M = TypeVar("M", bound="Checkpointed")
LIKE_IT = "load_from_checkpoint(path, encoder=...) with a network like the trained one"


class Checkpointed(LightningModule):
    """A module that can be rebuilt from its checkpoint, and resumed only with the same settings.

    `extends` is for a fit with `ckpt_path` that is a run of its own: it may have another schedule than the
    fit that wrote the checkpoint, and it trains on if that one was stopped early.
    """

    extends = False
    scheduler_made: dict[str, Any] | None = None  # of the current fit, see `rates.made`
    _resumed: Resumed | None = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the description of the method and its input, and the settings on which results depend."""
        found = settings(self, self.trainer, self.trainer.datamodule)  # type: ignore[attr-defined]
        checkpoint[DESCRIPTION] = saved(self) | {"settings": found}
        if HYPER_PARAMETERS in checkpoint:
            checkpoint[HYPER_PARAMETERS] = plain_hyper_parameters(checkpoint[HYPER_PARAMETERS])

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises ValueError for a resumed fit with other settings than it began with; see `Resumed`."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            self._resumed = Resumed(checkpoint, self.extends)
            self._resumed.check_settings(self)
            self._resumed.go_on_inside_its_epoch(self.trainer)
        # Lightning does this only after it has loaded the weights, and would round float64 weights.
        self.trainer.precision_plugin.convert_module(self)

    def on_fit_start(self) -> None:
        """Raises ValueError if the optimizer is not the one in the checkpoint."""
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
        """The method that a run has trained, with all its weights.

        Momentum encoder and queue stay in the checkpoint: `Trainer.fit(method, data, ckpt_path=...)`
        restores them.

        Args:
            checkpoint_path: a checkpoint file, or a run folder.
            map_location: the device.
            strict, weights_only: only true is accepted; they exist for code that calls Lightning's method.
            given: arguments of the method that replace those in the checkpoint. Objects of the user's own
                code, such as an encoder with the user's own backbone, must be passed here, unless a config
                named them, and `cl_lightning.allow` or an entry point allows this.

        Raises:
            ValueError: the checkpoint is missing, broken or another method's; an argument must be passed;
                weights are missing or left over.
        """
        if not (strict and weights_only):
            raise ValueError(
                f"strict is {strict}, weights_only is {weights_only}; accepted: true, both always"
            )
        checkpoint = Checkpoint(checkpoint_path)
        method = cls(**rebuilt(cls.__name__, checkpoint, given))
        fitting = LIKE_IT if find_own(checkpoint.description["encoder"]) else AS_SAVED
        checkpoint.load_into(method, checkpoint.state_dict, fitting)
        return method.to(map_location)
