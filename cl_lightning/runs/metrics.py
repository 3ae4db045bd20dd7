"""The metrics in summary.json by which runs are compared, and whether high or low is better."""

METRICS = (
    *("loss", "knn_top1", "alignment", "uniformity", "effective_rank"),
    *("views_per_second", "seconds_per_epoch", "peak_memory_mib"),
)
# For all others, high is better.
LOW = ("loss", "alignment", "uniformity", "seconds_per_epoch", "data_wait", "peak_memory_mib", "broken_files")


def low_is_better(metric: str) -> bool:
    """Whether a low value is better, for any number in summary.json."""
    return metric in LOW
