"""Fewer lines on the terminal: what the start report, the bar and the summary say better."""

import logging
import os
import warnings

NOT_TOLD = (
    # Lightning's own calls
    r".*isinstance\(treespec, LeafSpec\).*",
    # The folder holds its config.yaml by then; it is made anew for each run.
    r"Experiment logs directory .* exists and is not empty.*",
    # Epoch means are logged whatever the interval.
    r"The number of training batches .* is smaller than the logging interval.*",
    # The start report names those that are.
    r"Found \d+ module\(s\) in eval mode at the start of training.*",
    # Small sets lie on the device.
    r"The '.*_dataloader' does not have many workers.*",
    r".*does not have many workers which may be a bottleneck.*",
    # forward_sync_buffers is not yet there in the oldest torch that we take.
    r"`broadcast_buffers` is deprecated.*",
    # The gradient scaler of 16-mixed skipped the first step.
    r"Detected call of `lr_scheduler.step\(\)` before.*",
    # A photo that is too large is refused by its path; below that limit it is only slow.
    r"Image size .* exceeds limit of .* could be decompression bomb.*",
    # Of a photo's metadata only the orientation is asked for.
    r"(Corrupt EXIF data|Truncated File Read|Tag data larger than file|Metadata Warning).*",
    # One process on a machine of a cluster is as good there as elsewhere.
    r"The `srun` command is available on your system but is not used.*",
    # MLflow's own tables.
    r"The ``noload`` loader strategy is deprecated.*",
)

# Of trainer.profiler and trainer.enable_model_summary, which tell what they found as a hint.
ASKED_FOR = ("lightning.pytorch.profilers", "lightning.pytorch.callbacks.model_summary")


def quiet() -> None:
    """Silence Lightning's hints on devices and loggers; warnings about a run stay, without a line of code."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ASKED_FOR:
        logging.getLogger(name).setLevel(logging.INFO)
    # That they make what is not there yet.
    logging.getLogger("lightning.pytorch.loggers.mlflow").setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    for message in NOT_TOLD:
        warnings.filterwarnings("ignore", message=message)
    warnings.formatwarning = _in_plain_words


def _in_plain_words(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """What users are told without a line of code; what concerns programmers with it."""
    if issubclass(category, UserWarning):
        return f"warning: {message}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"
