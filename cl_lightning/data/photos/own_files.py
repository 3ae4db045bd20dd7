"""Recognises folders that this package writes, because their pictures are not for training."""

import os
import re
from collections.abc import Collection, Iterable

# Top-level keys of a run's config.yaml, see conf/train.yaml.
KEYS = {"method", "encoder", "loss", "run", "trainer"}
REPORT = {"report.html", "runs.csv"}
BESIDE_RUNS = {"logs", "slurm", "multirun.yaml", "mlflow.db"}  # other files and folders in a `run.root`
NAME = re.compile(r".*-[0-9a-f]{8}")


def is_ours(folder: str, names: Collection[str]) -> bool:
    """Whether a folder with files and folders of these `names` belongs to a run or is a report."""
    if set(names) >= REPORT:
        return True
    if "config.yaml" in names:
        return _is_config(os.path.join(folder, "config.yaml"))
    return ".lock" in names and NAME.fullmatch(folder) is not None  # a run that is just starting


def holds_only_what_is_beside_runs(names: Iterable[str]) -> bool:
    """Whether a folder with files and folders of these `names` is a `run.root` without a run (yet)."""
    visible = [name for name in names if not name.startswith(".")]
    return bool(visible) and all(name.split("-")[0] in BESIDE_RUNS for name in visible)


def _is_config(file: str) -> bool:
    try:
        with open(file, "rb") as lines:
            keys = {line.partition(b":")[0].decode(errors="replace") for line in lines if line[:1].isalpha()}
    except OSError:
        return False
    return keys >= KEYS
