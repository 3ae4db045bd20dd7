"""Stops or skips optimizer steps with NaN or infinity."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from cl_lightning.callbacks.method_state import states_of
from cl_lightning.callbacks.non_finite import (
    EMBEDDINGS,
    GRADIENTS,
    LOSS,
    OWN_GRADIENTS,
    STAGES,
    VIEWS,
    NonFiniteError,
    origin,
)
from cl_lightning.callbacks.weight_changes import SkipsSteps, scaler_of
from cl_lightning.distributed import gather


class FiniteGuard(SkipsSteps):
    """Stops all processes at the same optimizer step if one of them has NaN or infinity.

    It checks views, embeddings, the losses of all micro-batches, and gradients (of each process before DDP
    averages them, and after). The error comes before weights, optimizer, key encoder or queue change, and
    before anything is saved. It names the step, the rank and the likely cause. With fp16, gradients are not
    checked, because the gradient scaler expects overflows and skips these steps itself. Gradients whose
    squares overflow count as infinite.

    The cost is a sum over each of these tensors and, in each optimizer step, one exchange of four bytes and
    one read by the host.

    Args:
        max_skipped: how many such steps are skipped, each with a warning; one more stops the run. A skipped
            step does not change weights, optimizer, key encoder or queue. The running statistics of its
            forwards are restored from a copy that is made before each step. Schedule and `global_step` count
            the step, and fp16's scaler lowers its scale.

    `skipped` is the number of skipped steps, also over resumes. It is logged by epoch as
    `train/skipped_steps` if `max_skipped` is set.

    Raises:
        ValueError: `max_skipped` is below 0.
        NonFiniteError: a ValueError, at the step that stops the run.
    """

    def __init__(self, max_skipped: int = 0) -> None:
        if max_skipped < 0:
            raise ValueError(
                f"callbacks.finite_guard.max_skipped is {max_skipped}; accepted: a whole number from 0"
            )
        self.max_skipped = max_skipped
        self.skipped = 0
        self._restored = 0
        self._hooks: list[RemovableHandle] = []
        self._forget()

    def _forget(self) -> None:
        """Begin an optimizer step."""
        self.skipping = False
        # One number for each tensor, which is finite if the tensor is.
        self._seen: dict[str, list[Tensor]] = {stage: [] for stage in STAGES}

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.skipped, self._restored = self._restored, 0

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        others = [encoder for state in states_of(trainer) for encoder in state.encoders]
        self._with_buffers = [pl_module, *others]
        self._hooks.append(pl_module.register_views_hook(self._see_views))
        for encoder in (pl_module.encoder, *others):
            self._hooks.append(encoder.register_forward_hook(self._see_embeddings))
        if trainer.world_size > 1 and scaler_of(trainer) is None:
            for parameter in pl_module.parameters():
                if parameter.requires_grad:
                    self._hooks.append(parameter.register_post_accumulate_grad_hook(self._see_own_gradient))

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self._forget()
            if self.skipped < self.max_skipped:
                self._buffers_before = [buffer.clone() for buffer in self._buffers()]

    def on_before_backward(self, trainer: Trainer, pl_module: Any, loss: Tensor) -> None:
        self._see(LOSS, loss)
        self._seen[OWN_GRADIENTS].clear()  # they add up over micro-batches

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Optimizer) -> None:
        if scaler_of(trainer) is None:
            gradients = list(_gradients(optimizer))  # none where no training_step gave a loss
            self._seen[GRADIENTS] += torch._foreach_norm(gradients) if gradients else []
        check = _zero_if_finite([n for numbers in self._seen.values() for n in numbers], pl_module.device)
        if not any(gather(check[None]).tolist()):  # a NaN is true
            return
        broken = torch.stack([_broken(stage, pl_module.device) for stage in self._seen.values()])
        found = origin(gather(broken[None]).tolist())
        told = f"epoch {trainer.current_epoch + 1}, optimizer step {trainer.global_step + 1}: {found}"
        if self.skipped == self.max_skipped:
            raise NonFiniteError(f"{told}. {self._why_it_stops()}")
        self.skipped += 1
        self.skipping = True
        rank_zero_warn(
            f"{told}. The step is skipped, {self.skipped} of callbacks.finite_guard.max_skipped="
            f"{self.max_skipped}"
        )
        self._take_back(trainer, optimizer)

    def _why_it_stops(self) -> str:
        before = f", and {self.skipped} were skipped" if self.max_skipped else ""
        return (
            "Training stops before the step changes anything, what was saved stays; callbacks.finite_guard."
            f"max_skipped is {self.max_skipped}{before}; accepted: more, to skip such steps"
        )

    def _take_back(self, trainer: Trainer, optimizer: Optimizer) -> None:
        for buffer, before in zip(self._buffers(), self._buffers_before, strict=True):
            buffer.copy_(before)
        if scaler_of(trainer) is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            # The scaler still has to check these gradients, and fails if there are none.
            for gradient in _gradients(optimizer):
                gradient.fill_(math.nan)
        else:
            optimizer.zero_grad(set_to_none=True)  # with gradients of 0, decay and momentum would still act

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self.max_skipped:
            several = trainer.world_size > 1
            pl_module.log("train/skipped_steps", float(self.skipped), sync_dist=several)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        self._look_away()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        self._look_away()

    def _look_away(self) -> None:
        while self._hooks:
            self._hooks.pop().remove()

    def state_dict(self) -> dict[str, Any]:
        return {"skipped": self.skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict["skipped"]

    def _buffers(self) -> Iterator[Tensor]:
        for module in self._with_buffers:
            yield from module.buffers()

    def _see_views(self, views: tuple[Tensor, Tensor]) -> None:
        # Checked where they are made, because a key encoder may get the views of other ranks.
        for view in views:
            self._see(VIEWS, view)

    def _see_embeddings(self, encoder: Any, inputs: Any, embeddings: Tensor) -> None:
        if encoder.training:
            self._see(EMBEDDINGS, embeddings)

    def _see_own_gradient(self, parameter: Tensor) -> None:
        assert parameter.grad is not None
        self._see(OWN_GRADIENTS, parameter.grad)

    def _see(self, stage: str, x: Tensor) -> None:
        x = x.detach()
        self._seen[stage].append(x.sum(dtype=torch.promote_types(x.dtype, torch.float32)))


def _gradients(optimizer: Optimizer) -> Iterable[Tensor]:
    return (p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None)


def _zero_if_finite(numbers: list[Tensor], device: torch.device) -> Tensor:
    """0 if all numbers are finite, else NaN; a float32 scalar on the device."""
    return torch.stack(numbers).mul(0).sum().float() if numbers else torch.zeros((), device=device)


def _broken(numbers: list[Tensor], device: torch.device) -> Tensor:
    """1 if one of the numbers is not finite, else 0; a scalar on the device."""
    if not numbers:
        return torch.zeros((), dtype=torch.uint8, device=device)
    return torch.stack(numbers).isfinite().logical_not().any().to(torch.uint8)
