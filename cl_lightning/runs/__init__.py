"""A run: checked before anything is written, stored in one folder."""

from cl_lightning.runs.checking.keys import check_keys
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import run_hash
from cl_lightning.runs.metrics import METRICS

__all__ = ["METRICS", "RunFolder", "check_keys", "run_hash"]

# What a config may name.
OPTIONS = (
    "lightning.pytorch.Trainer",
    "lightning.pytorch.loggers.CSVLogger",
    "lightning.pytorch.loggers.MLFlowLogger",
    "lightning.pytorch.loggers.TensorBoardLogger",
    "lightning.pytorch.loggers.WandbLogger",
    "lightning.pytorch.strategies.DDPStrategy",
)
