"""Saves the sums of a metric within an epoch, of all processes, in a checkpoint.

(torchmetrics saves only the sums of one process.)
"""

from collections.abc import Callable, Mapping

from torch import Tensor
from torchmetrics import Metric

from cl_lightning.distributed.saved_by_rank import by_rank


def saved(metric: Metric) -> dict[str, Tensor]:
    """Each of the metric's tensors, [processes, ...]."""
    return {name: by_rank(value) for name, value in metric.metric_state.items()}  # type: ignore[arg-type]


def restore(metric: Metric, state: Mapping[str, Tensor], own: Callable[[Tensor], Tensor]) -> None:
    """Restore this process's part of the saved sums; `own` is `own_sum` or `own_mean`."""
    for name, value in state.items():
        setattr(metric, name, own(value).to(metric.device))
    metric._update_count = 1  # else torchmetrics warns if no update follows
