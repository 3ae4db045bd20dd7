"""First-in-first-out storage of recent embeddings, such as MoCo's keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int64
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.callbacks.method_state import MethodState, key_of

# Saved in a checkpoint, with the keys.
PLACES = ("pointer", "enqueued", "steps", "entered")
NEVER = -1  # in `entered`: a random unit vector from the start


class FirstInFirstOut(MethodState):
    """Stores the last `length` keys, which have unit length.

    The keys of a step enter after the step, if it changed the weights. A step reads `keys` and passes its
    own keys to `collect`, so it never sees keys that it made itself. The keys of all micro-batches enter
    together, each in rank order, so all ranks hold the same keys. At the start the keys are random unit
    vectors, or those that the method begins with. They are not part of the module that DDP wraps, and are
    saved in the checkpoint.

    Args:
        length: the number of keys.
        seed: the seed of the unit vectors at the start.

    Raises:
        ValueError: the length is below 1 or below the number of keys of one step; the checkpoint of a resumed
            run holds no keys, or another number of them.
    """

    title: ClassVar[str]  # the name in messages
    line: ClassVar[str]  # the name of its line in the start report
    content: ClassVar[str]  # the name of its keys in messages
    of_own: ClassVar[str]  # for a warning: the effect if it is longer than an epoch
    unit_keys: ClassVar[bool] = True  # for losses; False where keys of another length are collected

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
        """The config key of this callback."""
        return f"callbacks.{key_of(type(self))}"

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.ckpt_path and self._restored is None:
            raise ValueError(
                f"{trainer.ckpt_path} holds no {self.title}; accepted: a checkpoint of a run that had "
                f"{self.key}"
            )
        begin = pl_module.begins_with.pop(self.part, None)
        state, self._restored = self._restored or begin, None
        self.check(pl_module, pl_module.effective_batch_size)
        self._warn_of_own(pl_module)
        if state is not None:
            self._check_length(state, trainer.ckpt_path or "init.weights")
        generator = torch.Generator().manual_seed(self.seed)
        shape = self.length, pl_module.encoder.out_features
        keys = F.normalize(torch.randn(shape, generator=generator, dtype=torch.float64))
        self._forget()
        if state is not None:
            for name in PLACES:
                setattr(self, name, state[name])
            keys = state["keys"]
        wide = torch.promote_types(pl_module.dtype, torch.float32)
        self.keys = keys.to(pl_module.device, wide, copy=True)
        self._collected: list[Tensor] = []

    @staticmethod
    def begun_with(
        keys: Float[Tensor, "length dim"], pointer: int, real: Bool[Tensor, " length"] | None = None
    ) -> dict[str, Any]:
        """The state of a fit that begins with these keys, as if they had entered just before it.

        Args:
            pointer: the place of the oldest key, which is overwritten first.
            real: which are keys, and not the unit vectors of a start; None: all.
        """
        real = torch.ones(len(keys), dtype=torch.bool) if real is None else real
        entered = torch.where(real, 0, NEVER)
        return {
            "keys": keys,
            "pointer": pointer,
            "enqueued": int(real.sum()),
            "steps": 0,
            "entered": entered,
        }

    def _forget(self) -> None:
        self.pointer = self.enqueued = self.steps = 0
        # On the CPU, because only the host uses it.
        self.entered: Int64[Tensor, " length"] = torch.full((self.length,), NEVER)

    def check(self, method: Any, images: int) -> None:
        """Raises ValueError if the method has no keys for it, or if a step makes more keys than it holds."""
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
        if self.part in method.begins_with:
            self._check_length(method.begins_with[self.part], "init.weights")

    def _check_length(self, state: Mapping[str, Any], source: str | Path) -> None:
        if (length := len(state["keys"])) != self.length:
            raise ValueError(
                f"{self.key}.length is {self.length}, but {source} holds a {self.title} of {length}; "
                f"accepted: {self.key}.length={length}"
            )

    def _warn_of_own(self, pl_module: Any) -> None:
        per_step = pl_module.keys_per_image * pl_module.effective_batch_size
        if self.length > (per_epoch := per_step * pl_module.steps_per_epoch):
            rank_zero_warn(
                f"{self.key}.length is {self.length}, more than the {per_epoch:.0f} {self.content} of an "
                f"epoch: {self.of_own}"
            )

    def collect(self, keys: Float[Tensor, "global_batch dim"]) -> None:
        """Take the unit keys of a forward pass from all ranks; they enter after the optimizer step."""
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
        """Overwrite the oldest keys; continues at the start after the end."""
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
        return {self.line: self.described(keys_per_step, int(trainer.estimated_stepping_batches))}

    def described(self, keys_per_step: int, steps: int) -> str:
        """A description of its content; also for a run that is too short to fill it."""
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
        """The share of real keys (not unit vectors from the start)."""
        return min(1.0, self.enqueued / self.length)

    @property
    def ages(self) -> Int64[Tensor, " real"]:
        """For each real key, in order of `keys`: optimizer steps since it entered that changed weights."""
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
