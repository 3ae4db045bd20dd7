"""The metric by which runs are compared."""

from collections import Counter
from collections.abc import Sequence

from cl_lightning.blueprints import ConfigError
from cl_lightning.reports.metrics_file import Curve
from cl_lightning.reports.run import Run

# Shown beside the compared metric, in this order.
SHOWN = ("knn_top1", "loss", "alignment", "uniformity", "effective_rank", "epochs", "seconds_per_epoch")


def compared(runs: Sequence[Run], asked: str | None) -> str:
    """The metric that the user asked for, or else the one in most configs.

    Raises:
        ConfigError: no finished run has the metric that the user asked for.
    """
    measured = list(dict.fromkeys(name for run in runs for name in run.numbers))
    if asked is None:
        return Counter(run.metric for run in runs).most_common(1)[0][0]
    if measured and asked not in measured:
        raise ConfigError(f"--by is {asked}; accepted: {', '.join(measured)}")
    return asked


def curve_of(metric: str, run: Run) -> Curve:
    """The curve, by epoch, of a number in summary.json; empty if it has no curve."""
    stages = ("train", "val") if metric == "loss" else ("val", "train")
    return next((run.curves[f"{s}/{metric}"] for s in stages if f"{s}/{metric}" in run.curves), {})
