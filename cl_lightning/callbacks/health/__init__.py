"""How well the embeddings do while they are trained, and what goes wrong, in plain words.

The monitor (`monitor.py`) takes what each step returns. Over an epoch it adds up the shape of the embeddings
(`geometry.py`) and collects samples (`collector.py`); their statistics (`statistics.py`) meet the conditions
(`conditions.py`), and the diagnosis (`diagnosis.py`) tells each of them once.
"""

from cl_lightning.callbacks.health.monitor import HealthMonitor

__all__ = ["HealthMonitor"]
