"""State and reports beside the training step."""

from cl_lightning.callbacks.broken_files import BrokenFiles
from cl_lightning.callbacks.finite_guard import FiniteGuard
from cl_lightning.callbacks.health import HealthMonitor
from cl_lightning.callbacks.knn import KNNMonitor
from cl_lightning.callbacks.momentum_encoder import MomentumEncoder
from cl_lightning.callbacks.negative_queue import NegativeQueue
from cl_lightning.callbacks.progress import RunProgress
from cl_lightning.callbacks.start_report import StartReport
from cl_lightning.callbacks.throughput import Throughput

__all__ = [
    "BrokenFiles",
    "FiniteGuard",
    "HealthMonitor",
    "KNNMonitor",
    "MomentumEncoder",
    "NegativeQueue",
    "RunProgress",
    "StartReport",
    "Throughput",
]
