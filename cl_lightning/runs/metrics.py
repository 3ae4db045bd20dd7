"""The numbers of summary.json that runs are compared by, and which way each is better."""

METRICS = (
    *("loss", "knn_top1", "alignment", "uniformity", "effective_rank"),
    *("views_per_second", "seconds_per_epoch", "peak_memory_mib"),
)
# All others are better high.
LOW = ("loss", "alignment", "uniformity", "seconds_per_epoch", "data_wait", "peak_memory_mib", "broken_files")


def low_is_better(metric: str) -> bool:
    """Of a number of summary.json, also of one that only reports compare."""
    return metric in LOW
