"""The last of what steps have made, such as MoCo's keys."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int64
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.callbacks.method_state import MethodState, key_of

# What a checkpoint holds beside the keys.
PLACES = ("pointer", "enqueued", "steps", "entered")
NEVER = -1  # entered: a unit vector of the start


class FirstInFirstOut(MethodState):
    """Owns the last `length` keys; those of a step enter after it, if it changed the weights.

    The step reads `keys`, hands over its own by `collect`, and so never meets one that it made. The keys of
    all micro-batches enter together, each in rank order, so all ranks hold the same. It starts as random
    unit vectors, lives outside the module that DDP wraps, and is part of the checkpoint.

    Args:
        length: keys that it holds.
        seed: of the unit vectors that it starts with.

    Raises:
        ValueError: a length below 1 or below the keys of one step; a resumed run whose checkpoint holds
            none, or one of another length.
    """

    title: ClassVar[str]  # in messages
    content: ClassVar[str]  # what its keys are, in messages
    of_own: ClassVar[str]  # what happens where it is longer than an epoch, in a message

    def __init__(self, length: int, seed: int) -> None:
        if length < 1:
            raise ValueError(f"{self.key}.length is {length}; accepted: 1 or more {self.content}")
        self.length = length
        self.seed = seed
        self.keys: Float[Tensor, "length dim"]
        self._forget()
        self._restored: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Of the config."""
        return f"callbacks.{key_of(type(self))}"

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.ckpt_path and self._restored is None:
            raise ValueError(
                f"{trainer.ckpt_path} holds no {self.title}; accepted: a checkpoint of a run that had "
                f"{self.key}"
            )
        self.check(pl_module, pl_module.effective_batch_size)
        self._warn_of_own(pl_module)
        if self._restored is not None and len(self._restored["keys"]) != self.length:
            raise ValueError(
                f"{self.key}.length is {self.length}, but {trainer.ckpt_path} holds a {self.title} of "
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
        """Raises ValueError for a method that has no keys for it, and for less than the keys of a step."""
        made = method.keys_per_image * images
        fed = tuple(kind for kind in method.needed_callbacks if issubclass(kind, FirstInFirstOut))
        if not made or (fed and not isinstance(self, fed)):
            raise ValueError(
                f"{self.key} is there, but {type(method).__name__} has no {self.content} for it; accepted: "
                f"callbacks=default, without {self.key}, and in Python a Trainer of its own for each method"
            )
        if self.length < made:
            raise ValueError(
                f"{self.key}.length is {self.length}, but one optimizer step makes {made} {self.content}; "
                f"accepted: {made} or more, or a smaller data.batch_size"
            )

    def _warn_of_own(self, pl_module: Any) -> None:
        per_step = pl_module.keys_per_image * pl_module.effective_batch_size
        if self.length > (per_epoch := per_step * pl_module.steps_per_epoch):
            rank_zero_warn(
                f"{self.key}.length is {self.length}, more than the {per_epoch:.0f} {self.content} of an "
                f"epoch: {self.of_own}"
            )

    def collect(self, keys: Float[Tensor, "global_batch dim"]) -> None:
        """Take the keys of a forward pass, of all ranks; they enter after the optimizer step."""
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
        """Overwrite the oldest keys, wrapping at the end."""
        assert len(keys) <= self.length, "checked in on_fit_start"
        head = min(len(keys), self.length - self.pointer)
        self.keys[self.pointer : self.pointer + head] = keys[:head]
        self.keys[: len(keys) - head] = keys[head:]
        self.entered[self.pointer : self.pointer + head] = self.steps
        self.entered[: len(keys) - head] = self.steps
        self.pointer = (self.pointer + len(keys)) % self.length
        self.enqueued += len(keys)

    def in_words(self, keys_per_step: int, steps: int) -> str:
        """What it holds; in a run that is too short to fill it, also what it began with."""
        made = keys_per_step * steps
        if made < self.length:
            others = "the others stay the unit vectors of the start"
            return f"{self.length:,}; the run makes {made:,} {self.content}, {others}"
        return f"{self.length:,}, the {self.content} of the last {self.length / keys_per_step:,.4g} steps"

    def least_bytes(self, method: Any) -> Mapping[str, int]:
        return {f"{self.key}.length": 4 * self.length * method.encoder.out_features}

    @property
    def is_filled(self) -> bool:
        return self.fill == 1

    @property
    def fill(self) -> float:
        """Share that holds real keys, not the unit vectors that it started with."""
        return min(1.0, self.enqueued / self.length)

    @property
    def ages(self) -> Int64[Tensor, " real"]:
        """Optimizer steps that changed the weights since each real key entered, in the order of `keys`."""
        return self.steps - self.entered[self.entered != NEVER]

    def oldest_first(self) -> Float[Tensor, "real dim"]:
        """The real keys in the order in which they entered."""
        return self.keys.roll(-self.pointer, 0)[self.length - min(self.enqueued, self.length) :]

    def state_dict(self) -> dict[str, Any]:
        if not hasattr(self, "keys"):  # before any fit
            return {}
        return {"keys": self.keys, **{name: getattr(self, name) for name in PLACES}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict
