"""Health monitoring: the quality of the embeddings during training, and warnings when something goes wrong.

The monitor (`monitor.py`) reads the outputs of each step, which wait to be added together (`waiting.py`).
Over an epoch it accumulates the geometry of the embeddings (`geometry.py`) and samples of them
(`collector.py`). At the end of the epoch their statistics (`statistics.py`) are checked for conditions
(`conditions.py`), and the diagnosis (`diagnosis.py`) reports each condition once.
"""

from cl_lightning.callbacks.health.monitor import HealthMonitor

__all__ = ["HealthMonitor"]
