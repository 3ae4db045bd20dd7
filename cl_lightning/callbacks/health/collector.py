"""Collects the data for the diagnosis over an epoch."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor, nn

from cl_lightning.callbacks.health.statistics import EpochStatistics
from cl_lightning.callbacks.method_state import states_of
from cl_lightning.distributed.saved_by_rank import global_batches, own_batches
from cl_lightning.metrics import Moments

# So many embeddings, over all processes, represent the start of an epoch, and as many its end.
ROWS = 64
SHAPES = ("spread", "centred_rank", "embedding_std")


class EpochCollector:
    """Stores the first and last embeddings of an epoch, past losses, and the initial last layer."""

    def __init__(self, trainer: Trainer, pl_module: Any) -> None:
        self.batches = batches_holding(ROWS, trainer)
        self.start_step = trainer.global_step
        self.layer = last_layer(pl_module.encoder)
        self.layer_at_start = self.layer.detach().clone()
        self.states = states_of(trainer)
        self.first_loss, self.lowest_loss = math.nan, math.inf
        self.start_epoch()

    def start_epoch(self) -> None:
        """Remove the embeddings of the epoch before."""
        self.first: list[Tensor] = []
        self.last: deque[Tensor] = deque(maxlen=self.batches)
        self.comparable = all(state.is_filled for state in self.states)

    def add(self, z: Tensor) -> None:
        """Store the embeddings [steps, batch, dim] of several steps; nothing is computed."""
        self.first.extend(z[: self.batches - len(self.first)])
        self.last.extend(z)

    def statistics(self, trainer: Trainer, pl_module: Any, loss: float) -> EpochStatistics:
        """The statistics of the epoch that ends, over all processes."""
        if math.isnan(self.first_loss):
            self.first_loss = loss
        dim = pl_module.encoder.out_features
        first, last = (moments(part, dim) for part in (self.first, self.last))
        moved = ((self.layer - self.layer_at_start).norm() / self.layer_at_start.norm()).item()
        steps = max(1, trainer.global_step - self.start_step)
        reach = pl_module.reach
        statistics = EpochStatistics(
            dim=dim,
            steps=trainer.global_step,
            loss=loss,
            lowest_loss=self.lowest_loss,
            first_loss=self.first_loss,
            lr=pl_module.schedule_in_use.peak(trainer.optimizers[0]),
            warming_up=pl_module.schedule_in_use.warming_up(trainer.current_epoch + 1),
            rows=trainer.world_size * sum(len(z) for z in self.last),
            spread=last["spread"],
            rank=last["centred_rank"],
            first_spread=first["spread"],
            first_rank=first["centred_rank"],
            embedding_std=last["embedding_std"],
            moved=moved,
            reach=moved * (trainer.estimated_stepping_batches - self.start_step) / steps,
            negatives=pl_module.negatives,
            chance=math.inf if reach is None else reach.chance,
            best=None if reach is None else reach.best,
        )
        if self.comparable:
            self.lowest_loss = min(self.lowest_loss, loss)
        return statistics

    def state_dict(self) -> dict[str, Any]:
        """The state of the run, and of the current epoch on all processes."""
        return {
            "losses": [self.first_loss, self.lowest_loss],
            "start_step": self.start_step,
            "layer_at_start": self.layer_at_start,
            "comparable": self.comparable,
            "first": global_batches(self.first),
            "last": global_batches(self.last),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue within the saved epoch, on the same or another number of processes."""
        self.first_loss, self.lowest_loss = state["losses"]
        self.start_step, self.comparable = state["start_step"], state["comparable"]
        device = self.layer.device
        self.layer_at_start = state["layer_at_start"].to(device)
        self.first = own_batches(state["first"].to(device))
        self.last.extend(own_batches(state["last"].to(device)))


def batches_holding(rows: int, trainer: Trainer) -> int:
    """How many global batches hold `rows` images; they are the same images for any number of processes."""
    return math.ceil(rows / trainer.datamodule.batch_size)  # type: ignore[attr-defined]


def last_layer(encoder: nn.Module) -> Tensor:
    """The last trained weight matrix, [out, in]; in a network without matrices, the last vector."""
    trained = [p for p in encoder.parameters() if p.requires_grad]
    return next((p for p in reversed(trained) if p.ndim > 1), trained[-1]).detach()


def moments(parts: Sequence[Tensor], dim: int) -> dict[str, float]:
    """The scalars of `Moments` for all rows of `parts`, over all processes; NaN without rows."""
    if not parts:
        return dict.fromkeys(SHAPES, math.nan)
    metric = Moments(dim).to(parts[0].device)
    for z in parts:
        metric.update(z)
    values = metric.compute()
    return {name: values[name].item() for name in SHAPES}
