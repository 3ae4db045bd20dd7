"""Silences messages of libraries that the start report, the progress bar or the summary make unnecessary."""

import logging
import os
import warnings

NOT_TOLD = (
    # Lightning's own calls
    r".*isinstance\(treespec, LeafSpec\).*",
    # The run folder already holds its config.yaml; each run has its own.
    r"Experiment logs directory .* exists and is not empty.*",
    # Epoch means are logged for any interval.
    r"The number of training batches .* is smaller than the logging interval.*",
    # The start report names those that are.
    r"Found \d+ module\(s\) in eval mode at the start of training.*",
    # Small data sets lie on the device.
    r"The '.*_dataloader' does not have many workers.*",
    r".*does not have many workers which may be a bottleneck.*",
    # What a method needs is checked; a run that goes on from another one may have other monitors.
    r"Be aware that when using `ckpt_path`, callbacks used to create the checkpoint need to be provided.*",
    # The oldest torch that we support has no forward_sync_buffers.
    r"`broadcast_buffers` is deprecated.*",
    # The gradient scaler of 16-mixed skipped the first step.
    r"Detected call of `lr_scheduler.step\(\)` before.*",
    # A photo that is too large is refused with its path; below that limit it is only slow.
    r"Image size .* exceeds limit of .* could be decompression bomb.*",
    # Of a photo's metadata only the orientation is used.
    r"(Corrupt EXIF data|Truncated File Read|Tag data larger than file|Metadata Warning).*",
    # One process without srun is fine on a cluster too.
    r"The `srun` command is available on your system but is not used.*",
    # MLflow's own tables.
    r"The ``noload`` loader strategy is deprecated.*",
)

# trainer.profiler and trainer.enable_model_summary print their results as such hints.
ASKED_FOR = ("lightning.pytorch.profilers", "lightning.pytorch.callbacks.model_summary")


def quiet() -> None:
    """Silence Lightning's hints about devices and loggers. Warnings about a run stay, without a code line."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ASKED_FOR:
        logging.getLogger(name).setLevel(logging.INFO)
    # Messages that a missing experiment or table is created.
    logging.getLogger("lightning.pytorch.loggers.mlflow").setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    for message in NOT_TOLD:
        warnings.filterwarnings("ignore", message=message)
    warnings.formatwarning = _without_code


def _without_code(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Formats a warning for users without a code line, and one for programmers with it."""
    if issubclass(category, UserWarning):
        return f"warning: {message}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"
