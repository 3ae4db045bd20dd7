"""MoCo's key encoder: a slowly moving average of the trained encoder."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cl_lightning.callbacks.method_state import MethodState


class MomentumEncoder(MethodState):
    """Owns the key encoder, and updates it after every optimizer step that changed the weights.

    key = momentum x key + (1 - momentum) x query                  (equation 2 of arXiv 1911.05722)

    for all parameters of backbone and head. The key encoder has its own BatchNorm buffers, updated by its
    forward passes, as in the official code. The official code updates the key encoder at the start of each
    forward pass, this callback after each step. The sequence is the same, because the first update of the
    official code is between equal weights. Weights in half precision are averaged in float32, so that small
    updates do not vanish. Each layer of the key encoder is in the same mode (training or evaluation) as that
    of the query encoder.

    The key encoder is made in `on_fit_start` as a copy of the module's `encoder`, from the checkpoint of a
    resumed run, or from the weights that the method begins with. It is not part of the module: DDP and the
    optimizer do not see it.

    Args:
        momentum: from 0 (always equal to the query encoder) to 1 (never changes).
        schedule: `constant`, or `cosine` from `momentum` to 1 over the steps of the run (arXiv 2006.07733).

    Raises:
        ValueError: momentum is outside [0, 1]; the checkpoint of a resumed run holds no key encoder.
    """

    part = "key_encoder"

    def __init__(self, momentum: float = 0.999, schedule: Literal["constant", "cosine"] = "constant") -> None:
        if not 0 <= momentum <= 1:
            raise ValueError(f"callbacks.momentum_encoder.momentum is {momentum}; accepted: 0 to 1")
        if schedule not in ("constant", "cosine"):
            raise ValueError(
                f"callbacks.momentum_encoder.schedule is {schedule!r}; accepted: constant, cosine"
            )
        self.momentum = momentum
        self.schedule = schedule
        self.encoder: nn.Module
        self._restored: dict[str, Any] | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.ckpt_path and self._restored is None:
            raise ValueError(
                f"{trainer.ckpt_path} holds no key encoder; accepted: a checkpoint of a run that had "
                "callbacks.momentum_encoder"
            )
        begin = pl_module.begins_with.pop(self.part, None)
        state, self._restored = self._restored or begin, None
        self.encoder = copy.deepcopy(pl_module.encoder).requires_grad_(False)
        if state is not None:
            self.encoder.load_state_dict(state["encoder"])
        self._average = [p.float() if p.element_size() < 4 else p for p in self.encoder.parameters()]
        if state is not None and "average" in state:  # weights from elsewhere have none
            for average, restored in zip(self._average, state["average"], strict=True):
                average.copy_(restored)

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        for key, query in zip(self.encoder.modules(), pl_module.encoder.modules(), strict=True):
            key.training = query.training

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if pl_module.weight_changes.after_batch(trainer) != "changed":
            return
        queries = [q.to(a.dtype) for q, a in zip(pl_module.encoder.parameters(), self._average, strict=True)]
        get_ema_multi_avg_fn(self.momentum_at(trainer))(self._average, queries, 0)
        for key, average in zip(self.encoder.parameters(), self._average, strict=True):
            if key is not average:
                key.copy_(average)

    def momentum_at(self, trainer: Trainer) -> float:
        """The momentum of the update after optimizer step `trainer.global_step`."""
        if self.schedule == "constant":
            return self.momentum
        progress = min(1.0, trainer.global_step / trainer.estimated_stepping_batches)
        return 1 - (1 - self.momentum) * 0.5 * (1 + math.cos(math.pi * progress))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        pl_module.log("train/momentum", self.momentum_at(trainer), sync_dist=True)
        pl_module.log("train/key_drift", self.drift(pl_module.encoder), sync_dist=True)

    @torch.no_grad()
    def drift(self, encoder: nn.Module) -> Tensor:
        """||query - key|| / ||query|| over all parameters, a scalar."""
        queries = [q.float() for q in encoder.parameters()]
        differences = torch._foreach_sub(queries, [k.float() for k in self.encoder.parameters()])
        return _norm(differences) / _norm(queries)

    @property
    def encoders(self) -> Sequence[nn.Module]:
        return (self.encoder,)

    def told_at_start(self, trainer: Trainer, method: Any) -> Mapping[str, str]:
        later = "" if self.schedule == "constant" else " at first, longer later"
        return {"EMA half-life": f"{half_life(self.momentum):,.1f} steps{later}"}

    def least_bytes(self, method: Any) -> Mapping[str, int]:
        return {"encoder": sum(p.numel() * p.element_size() for p in method.encoder.parameters())}

    def state_dict(self) -> dict[str, Any]:
        if not hasattr(self, "encoder"):  # before any fit
            return {}
        return {"encoder": self.encoder.state_dict(), "average": [a.detach() for a in self._average]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(torch._foreach_norm(list(tensors))).norm()


def half_life(momentum: float) -> float:
    """The number of steps after which half of the key encoder is new: ln(1/2) / ln(momentum)."""
    if momentum in (0.0, 1.0):
        return math.inf if momentum else 0.0
    return math.log(0.5) / math.log(momentum)
