"""Callbacks: the state of methods, monitors and reports."""

from cl_lightning.callbacks.broken_files import BrokenFiles
from cl_lightning.callbacks.finite_guard import FiniteGuard
from cl_lightning.callbacks.health import HealthMonitor
from cl_lightning.callbacks.history import MetricsHistory
from cl_lightning.callbacks.knn import KNNMonitor
from cl_lightning.callbacks.last_checkpoint import LastCheckpoint
from cl_lightning.callbacks.momentum_encoder import MomentumEncoder
from cl_lightning.callbacks.negative_queue import NegativeQueue
from cl_lightning.callbacks.preemption import Preemption
from cl_lightning.callbacks.progress import RunProgress
from cl_lightning.callbacks.start_report import StartReport
from cl_lightning.callbacks.throughput import Throughput
from cl_lightning.callbacks.whole_epochs import WholeEpochs

__all__ = [
    "BrokenFiles",
    "FiniteGuard",
    "HealthMonitor",
    "KNNMonitor",
    "LastCheckpoint",
    "MetricsHistory",
    "MomentumEncoder",
    "NegativeQueue",
    "Preemption",
    "RunProgress",
    "StartReport",
    "Throughput",
    "WholeEpochs",
]

# What a config may name. The callbacks of one method are listed in `methods`.
OPTIONS = (
    "cl_lightning.callbacks.BrokenFiles",
    "cl_lightning.callbacks.FiniteGuard",
    "cl_lightning.callbacks.HealthMonitor",
    "cl_lightning.callbacks.KNNMonitor",
    "cl_lightning.callbacks.LastCheckpoint",
    "cl_lightning.callbacks.MetricsHistory",
    "cl_lightning.callbacks.Preemption",
    "cl_lightning.callbacks.RunProgress",
    "cl_lightning.callbacks.StartReport",
    "cl_lightning.callbacks.Throughput",
    "lightning.pytorch.callbacks.EarlyStopping",
    "lightning.pytorch.callbacks.ModelCheckpoint",
)
