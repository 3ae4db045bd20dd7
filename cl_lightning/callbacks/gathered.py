"""What the diagnosis reads of a run, gathered over an epoch."""

import inspect
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor, nn

from cl_lightning.callbacks.negative_queue import NegativeQueue
from cl_lightning.callbacks.readings import Readings
from cl_lightning.distributed.checkpointed import global_batches, own_batches
from cl_lightning.metrics import Moments

# Embeddings of all processes that stand for the start and for the end of an epoch.
ROWS = 64


class Gathered:
    """Keeps the first and last embeddings of an epoch, past losses, and the last layer as it was at first."""

    def __init__(self, trainer: Trainer, pl_module: Any) -> None:
        self.batches = batches_holding(ROWS, trainer)
        self.start_step = trainer.global_step
        self.layer = last_layer(pl_module.encoder)
        self.layer_at_start = self.layer.detach().clone()
        callbacks = trainer.callbacks  # type: ignore[attr-defined]
        self.queue = next((c for c in callbacks if isinstance(c, NegativeQueue)), None)
        self.first_loss, self.lowest_loss = math.nan, math.inf
        self.start_epoch()

    def start_epoch(self) -> None:
        """Forget the embeddings of the epoch before."""
        self.first: list[Tensor] = []
        self.last: deque[Tensor] = deque(maxlen=self.batches)
        self.comparable = self.queue is None or self.queue.fill == 1  # unit vectors are other negatives

    def add(self, z: Tensor) -> None:
        """Embeddings [batch, dim] of a step; nothing is computed."""
        z = z.contiguous()  # as it is after a resume
        if len(self.first) < self.batches:
            self.first.append(z)
        self.last.append(z)

    def read(self, trainer: Trainer, pl_module: Any, loss: float) -> Readings:
        """The readings of the epoch that ends, of all processes."""
        if math.isnan(self.first_loss):
            self.first_loss = loss
        first, last = (moments(part, pl_module.encoder.out_features) for part in (self.first, self.last))
        moved = ((self.layer - self.layer_at_start).norm() / self.layer_at_start.norm()).item()
        steps = max(1, trainer.global_step - self.start_step)
        temperature = temperature_of(pl_module.loss)
        readings = Readings(
            dim=pl_module.encoder.out_features,
            steps=trainer.global_step,
            loss=loss,
            lowest_loss=self.lowest_loss,
            first_loss=self.first_loss,
            lr=trainer.optimizers[0].param_groups[0]["initial_lr"],
            warming_up=trainer.current_epoch + 1 <= pl_module.fitted_schedule().warmup_epochs,
            rows=trainer.world_size * sum(len(z) for z in self.last),
            spread=last["spread"],
            rank=last["centred_rank"],
            first_spread=first["spread"],
            first_rank=first["centred_rank"],
            embedding_std=last["embedding_std"],
            moved=moved,
            reach=moved * (trainer.estimated_stepping_batches - self.start_step) / steps,
            temperature=temperature,
            candidates=None if temperature is None else self._candidates(trainer),
            staleness=None if self.queue is None else self.queue.staleness(),
        )
        if self.comparable:
            self.lowest_loss = min(self.lowest_loss, loss)
        return readings

    def state_dict(self) -> dict[str, Any]:
        """Of the run, and of its epoch so far on all processes."""
        return {
            "losses": [self.first_loss, self.lowest_loss],
            "start_step": self.start_step,
            "layer_at_start": self.layer_at_start,
            "comparable": self.comparable,
            "first": global_batches(self.first),
            "last": global_batches(self.last),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on within that epoch, on the same or on another number of processes."""
        self.first_loss, self.lowest_loss = state["losses"]
        self.start_step, self.comparable = state["start_step"], state["comparable"]
        device = self.layer.device
        self.layer_at_start = state["layer_at_start"].to(device)
        self.first = own_batches(state["first"].to(device))
        self.last.extend(own_batches(state["last"].to(device)))

    def _candidates(self, trainer: Trainer) -> int:
        """Of one anchor: its positive and all negatives."""
        if self.queue is not None:
            return 1 + self.queue.length
        return 2 * len(self.last[-1]) * trainer.world_size - 1


def batches_holding(rows: int, trainer: Trainer) -> int:
    """How many global batches hold `rows` images: the same images, whatever the number of processes."""
    return math.ceil(rows / trainer.datamodule.batch_size)  # type: ignore[attr-defined]


def last_layer(encoder: nn.Module) -> Tensor:
    """The last weights that are trained, [out, in]; of a network without matrices the last vector."""
    trained = [p for p in encoder.parameters() if p.requires_grad]
    return next((p for p in reversed(trained) if p.ndim > 1), trained[-1]).detach()


def moments(parts: Sequence[Tensor], dim: int) -> dict[str, float]:
    """The scalars of `Moments` for all rows of `parts`, of all processes."""
    metric = Moments(dim).to(parts[0].device)
    for z in parts:
        metric.update(z)
    return {name: value.item() for name, value in metric.compute().items() if value.ndim == 0}


def temperature_of(loss: Callable[..., Any]) -> float | None:
    """Of a loss of ours, given or by default; None of any other."""
    function = getattr(loss, "func", loss)
    if not getattr(function, "__module__", "").startswith("cl_lightning.losses"):
        return None
    return float(inspect.signature(loss).parameters["temperature"].default)
