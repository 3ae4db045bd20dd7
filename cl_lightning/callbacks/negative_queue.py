"""MoCo's negatives: a first-in-first-out queue of past keys."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int64
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.callbacks.method_state import MethodState
from cl_lightning.callbacks.staleness import staleness

# What a checkpoint holds beside the keys.
PLACES = ("pointer", "enqueued", "steps", "entered")
NEVER = -1  # entered: a unit vector of the start
STALE, FRESH = 3.0, 2.0  # it is told above the first, and again only after it was below the second
LEAST_STEPS = 10  # before which nothing is said of it


class NegativeQueue(MethodState):
    """Owns the last `length` keys; those of a step enter after it, if it changed the weights.

    The step reads `keys`, hands over its own by `collect`, and so never meets a negative that it made. The
    keys of all micro-batches enter together, each in rank order, so the queue is the same on all ranks. It
    starts as random unit vectors, lives outside the module that DDP wraps, and is part of the checkpoint.

    Logs by epoch `train/queue_fill`; `train/queue_age` and `train/queue_age_max`, the mean and the largest
    number of optimizer steps that changed the weights since a key entered; and `train/queue_staleness`.

    Args:
        length: keys that the queue holds (the paper's K).
        seed: of the unit vectors that it starts with.

    Raises:
        ValueError: a length below 1 or below the keys of one step; a resumed run whose checkpoint holds no
            queue, or one of another length.
    """

    def __init__(self, length: int = 65536, seed: int = 0) -> None:
        if length < 1:
            raise ValueError(f"callbacks.negative_queue.length is {length}; accepted: 1 or more keys")
        self.length = length
        self.seed = seed
        self.keys: Float[Tensor, "length dim"]
        self._forget()
        self._restored: dict[str, Any] | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.ckpt_path and self._restored is None:
            raise ValueError(
                f"{trainer.ckpt_path} holds no queue; accepted: a checkpoint of a run that had "
                "callbacks.negative_queue"
            )
        images = pl_module.effective_batch_size
        self.check(pl_module, images)
        self._warn_of_own_keys(pl_module.keys_per_image * images * pl_module.steps_per_epoch)
        if self._restored is not None and len(self._restored["keys"]) != self.length:
            raise ValueError(
                f"callbacks.negative_queue.length is {self.length}, but {trainer.ckpt_path} holds a queue of "
                f"{len(self._restored['keys'])}; accepted: the same length"
            )
        generator = torch.Generator().manual_seed(self.seed)
        shape = self.length, pl_module.encoder.out_features
        keys = F.normalize(torch.randn(shape, generator=generator, dtype=torch.float64))
        self._forget()
        if self._restored is not None:
            for name in PLACES:
                setattr(self, name, self._restored[name])
            keys = self._restored["keys"]
            self._restored = None
        wide = torch.promote_types(pl_module.dtype, torch.float32)
        self.keys = keys.to(pl_module.device, wide)
        self._collected: list[Tensor] = []

    def _forget(self) -> None:
        self.pointer = self.enqueued = self.steps = 0
        # On the host, which alone reads and writes it.
        self.entered: Int64[Tensor, " length"] = torch.full((self.length,), NEVER)

    def check(self, method: Any, images: int) -> None:
        """Raises ValueError for a method without keys, and for a queue shorter than the keys of a step."""
        keys_per_step = method.keys_per_image * images
        if not keys_per_step:
            raise ValueError(
                f"callbacks.negative_queue is there, but {type(method).__name__} has no keys for it; "
                "accepted: callbacks=default, and in Python a Trainer of its own for each method"
            )
        if self.length < keys_per_step:
            raise ValueError(
                f"callbacks.negative_queue.length is {self.length}, but one optimizer step makes "
                f"{keys_per_step} keys; accepted: {keys_per_step} or more, or a smaller data.batch_size"
            )

    def _warn_of_own_keys(self, keys_per_epoch: float) -> None:
        if self.length > keys_per_epoch:
            rank_zero_warn(
                f"callbacks.negative_queue.length is {self.length}, more than the {keys_per_epoch:.0f} keys "
                "of an epoch: every image meets its own older keys as negatives"
            )

    def collect(self, keys: Float[Tensor, "global_batch dim"]) -> None:
        """Take the keys of a forward pass, of all ranks; they enter the queue after the optimizer step."""
        self._collected.append(keys.detach())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        outcome = pl_module.weight_changes.after_batch(trainer)
        if outcome == "accumulating":
            return
        if outcome == "changed":
            self.steps += 1
            for keys in self._collected:
                self.enqueue(keys)
        self._collected = []

    @torch.no_grad()
    def enqueue(self, keys: Float[Tensor, "batch dim"]) -> None:
        """Overwrite the oldest keys, wrapping at the end of the queue."""
        assert len(keys) <= self.length, "checked in on_fit_start"
        head = min(len(keys), self.length - self.pointer)
        self.keys[self.pointer : self.pointer + head] = keys[:head]
        self.keys[: len(keys) - head] = keys[head:]
        self.entered[self.pointer : self.pointer + head] = self.steps
        self.entered[: len(keys) - head] = self.steps
        self.pointer = (self.pointer + len(keys)) % self.length
        self.enqueued += len(keys)

    def told_at_start(self, trainer: Trainer, method: Any) -> Mapping[str, str]:
        keys_per_step = method.keys_per_image * method.effective_batch_size
        return {
            "negatives of a query": held(self.length, keys_per_step, int(trainer.estimated_stepping_batches))
        }

    def least_bytes(self, method: Any) -> Mapping[str, int]:
        return {"callbacks.negative_queue.length": 4 * self.length * method.encoder.out_features}

    @property
    def is_filled(self) -> bool:
        return self.fill == 1  # unit vectors are other negatives

    def trouble(self, steps: int, told: bool) -> str | None:
        measured = self.staleness()
        if steps < LEAST_STEPS or measured is None or measured <= (FRESH if told else STALE):
            return None
        return (
            f"the queue no longer resembles the keys: the newest keys are {measured:.3g} times farther from "
            "the oldest than from those just before them (about 1 where the key encoder is slow enough). Try "
            "a larger callbacks.momentum_encoder.momentum, a shorter callbacks.negative_queue.length or a "
            "smaller optimizer.lr"
        )

    @property
    def fill(self) -> float:
        """Share of the queue that holds real keys, not the unit vectors that it started with."""
        return min(1.0, self.enqueued / self.length)

    @property
    def ages(self) -> Int64[Tensor, " real"]:
        """Optimizer steps that changed the weights since each real key entered, in the order of `keys`."""
        return self.steps - self.entered[self.entered != NEVER]

    def oldest_first(self) -> Float[Tensor, "real dim"]:
        """The real keys in the order in which they entered."""
        return self.keys.roll(-self.pointer, 0)[self.length - min(self.enqueued, self.length) :]

    def staleness(self) -> float | None:
        """See `staleness`; None until the queue is full."""
        keys_per_step = int((self.entered == self.steps).sum())
        return staleness(self.oldest_first(), keys_per_step) if self.fill == 1 and keys_per_step else None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        values: dict[str, Any] = {"queue_fill": self.fill}
        if len(ages := self.ages.double()):
            values |= {"queue_age": ages.mean(), "queue_age_max": ages.max()}
        if (stale := self.staleness()) is not None:
            values["queue_staleness"] = stale
        pl_module.log_dict({f"train/{name}": value for name, value in values.items()}, sync_dist=True)

    def state_dict(self) -> dict[str, Any]:
        if not hasattr(self, "keys"):  # before any fit
            return {}
        return {"keys": self.keys, **{name: getattr(self, name) for name in PLACES}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict


def held(length: int, keys_per_step: int, steps: int) -> str:
    """What a queue holds; in a run that is too short to fill it, also what it began with."""
    made = keys_per_step * steps
    if made < length:
        return f"{length:,}; the run makes {made:,} keys, the others stay the unit vectors of the start"
    return f"{length:,}, the keys of the last {length / keys_per_step:,.4g} steps"
