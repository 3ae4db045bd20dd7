"""MoCo's negatives: a first-in-first-out queue of past keys."""

import warnings
from typing import Any

import torch
from jaxtyping import Float
from lightning.pytorch import Callback, Trainer
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.callbacks.weight_changes import WeightChanges
from cl_lightning.distributed import gather


class NegativeQueue(Callback):
    """Owns the last `length` keys; those of a step enter after it, if it changed the weights.

    The step reads `keys`, hands over its own by `collect`, and so never meets a negative that it made. The
    keys of all micro-batches enter together, each in rank order, so the queue is the same on all ranks. It
    starts as random unit vectors, lives outside the module that DDP wraps, and is part of the checkpoint.

    Args:
        length: keys that the queue holds (the paper's K).
        seed: of the unit vectors that it starts with.

    Raises:
        ValueError: a length below 1 or below the keys of one step; a resumed run whose checkpoint holds no
            queue.
    """

    def __init__(self, length: int = 65536, seed: int = 0) -> None:
        if length < 1:
            raise ValueError(f"callbacks.negative_queue.length is {length}; accepted: 1 or more keys")
        self.length = length
        self.seed = seed
        self.keys: Float[Tensor, "length dim"]
        self._restored: dict[str, Any] | None = None
        self._changes = WeightChanges()

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.ckpt_path and self._restored is None:
            raise ValueError(
                f"{trainer.ckpt_path} holds no queue; accepted: a checkpoint of a MoCo v2 run that had "
                "callbacks.negative_queue"
            )
        self._check_length(trainer, pl_module)
        generator = torch.Generator().manual_seed(self.seed)
        shape = self.length, pl_module.encoder.out_features
        keys = F.normalize(torch.randn(shape, generator=generator, dtype=torch.float64))
        self.pointer = self.enqueued = 0
        if self._restored is not None:
            self.pointer, self.enqueued = self._restored["pointer"], self._restored["enqueued"]
            keys = self._restored["keys"]
            self._restored = None
        wide = torch.promote_types(pl_module.dtype, torch.float32)
        self.keys = keys.to(pl_module.device, wide)
        self._collected: list[Tensor] = []

    def _check_length(self, trainer: Trainer, pl_module: Any) -> None:
        keys_per_step = pl_module.keys_per_step
        if self.length < keys_per_step:
            raise ValueError(
                f"callbacks.negative_queue.length is {self.length}, but one optimizer step makes "
                f"{keys_per_step} keys; accepted: {keys_per_step} or more, or a smaller data.batch_size"
            )
        keys_per_epoch = keys_per_step * trainer.num_training_batches // trainer.accumulate_grad_batches
        if self.length > keys_per_epoch:
            warnings.warn(
                f"callbacks.negative_queue.length is {self.length}, more than the {keys_per_epoch} keys of "
                "an epoch: every image meets its own older keys as negatives",
                stacklevel=2,
            )

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        self._changes.start(trainer)

    def collect(self, keys: Float[Tensor, "batch dim"]) -> None:
        """Take the keys of a forward pass on this rank; they enter the queue after the optimizer step."""
        self._collected.append(keys.detach())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        outcome = self._changes.after_batch(trainer)
        if outcome == "accumulating":
            return
        if outcome == "changed":
            for keys in self._collected:
                self.enqueue(gather(keys))
        self._collected = []

    @torch.no_grad()
    def enqueue(self, keys: Float[Tensor, "batch dim"]) -> None:
        """Overwrite the oldest keys, wrapping at the end of the queue."""
        assert len(keys) <= self.length, "checked in on_fit_start"
        head = min(len(keys), self.length - self.pointer)
        self.keys[self.pointer : self.pointer + head] = keys[:head]
        self.keys[: len(keys) - head] = keys[head:]
        self.pointer = (self.pointer + len(keys)) % self.length
        self.enqueued += len(keys)

    @property
    def fill(self) -> float:
        """Share of the queue that holds real keys, not the unit vectors that it started with."""
        return min(1.0, self.enqueued / self.length)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        pl_module.log("train/queue_fill", self.fill, sync_dist=True)

    def state_dict(self) -> dict[str, Any]:
        if not hasattr(self, "keys"):  # before any fit
            return {}
        return {"keys": self.keys, "pointer": self.pointer, "enqueued": self.enqueued}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict
