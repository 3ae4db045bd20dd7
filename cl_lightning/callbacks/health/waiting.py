"""Outputs of steps that wait to be added together."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cl_lightning.distributed import gather, rank
from cl_lightning.distributed.saved_by_rank import by_rank, global_batches, own_batches, own_mean
from cl_lightning.metrics import Scores, contrast_scores

EMBEDDINGS = ("z_a", "z_b")
SCORES = tuple(Scores.__annotations__)
KEPT = ("loss", *SCORES, *EMBEDDINGS)
# So many steps, or embeddings of this process, are added together: one by one would cost as many operations
# for each step.
STEPS, ROWS = 64, 1024


class WaitingSteps:
    """Outputs of steps, all with the same names and shapes, that are not part of the epoch's sums yet."""

    def __init__(self) -> None:
        self._steps: list[dict[str, Tensor]] = []

    def take(self, step: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Keep what is measured of a step. Those before it are returned if it can't wait with them."""
        kept = {name: step[name].detach() for name in KEPT if name in step}
        fits = not self._steps or (len(self._steps) < _most(kept) and _alike(kept, self._steps[-1]))
        before = {} if fits else self.together()
        self._steps.append(kept)
        return before

    def together(self) -> dict[str, Tensor]:
        """Each value of all steps, [steps, ...], by its name, with scores; then no step waits."""
        steps, self._steps = self._steps, []
        return _with_scores(_stacked(steps))

    def state_dict(self) -> dict[str, Tensor]:
        """The values of all processes."""
        return {
            name: global_batches(list(values)) if name in EMBEDDINGS else by_rank(values)
            for name, values in _stacked(self._steps).items()
        }

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Continue with saved steps, on the same or another number of processes."""
        own = {
            name: own_batches(values.to(device)) if name in EMBEDDINGS else own_mean(values.to(device))
            for name, values in state.items()
        }
        names = list(own)
        self._steps = [dict(zip(names, step, strict=True)) for step in zip(*own.values(), strict=True)]


def _stacked(steps: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([step[name] for step in steps]) for name in (steps[0] if steps else ())}


def _with_scores(steps: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Steps that have embeddings but no scores, with those of their views among the global batch."""
    if not set(EMBEDDINGS) <= steps.keys() or set(SCORES) & steps.keys():
        return dict(steps)
    batch = steps["z_a"].shape[1]
    own = slice(rank() * batch, (rank() + 1) * batch)
    both = torch.stack([steps[name] for name in EMBEDDINGS])  # [views, steps, batch, dim]
    z_a, z_b = gather(both.movedim(2, 0)).movedim(0, 2)
    return dict(steps, **contrast_scores(z_a, z_b, own=own))


def _most(step: Mapping[str, Tensor]) -> int:
    return min(STEPS, ROWS // max(1, len(step["z_a"]))) if "z_a" in step else STEPS


def _alike(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[name].shape == b[name].shape for name in EMBEDDINGS if name in a)
