"""The direction of a search, and the check that its trials measure the metric."""

from collections.abc import Iterable
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.measured import NotMeasuredError, check_measured, check_measured_of
from cl_lightning.runs.metrics import low_is_better
from cl_lightning.sweeps.jobs import Job
from cl_lightning.sweeps.search import Direction


def direction_of(metric: str, asked: Direction | None) -> Direction:
    """The direction in which the metric is better; prints a line if another one was asked for."""
    better: Direction = "minimize" if low_is_better(metric) else "maximize"
    if asked not in (None, better):
        way = "low" if low_is_better(metric) else "high"
        print(f"sweep: {metric} is better {way}, but hydra.sweeper.direction={asked} searches for the worst")
    return asked or better


def check_some_measure(samples: Iterable[Job], here: bool) -> None:
    """Check that at least one of the samples of a search measures `run.metric`.

    Args:
        samples: jobs, which are checked until one measures it.
        here: whether their images must be on this machine; for a cluster they may be on other machines.

    Raises:
        ConfigError: none measures it; says why the first one does not.
    """
    refusal: Exception | None = None
    for job in samples:
        error = job.error or _why_not(job.config, here)
        if error is None:
            return
        refusal = refusal or error
    assert refusal is not None, "there is at least one sample"
    raise refusal


def _why_not(config: dict[str, Any], here: bool) -> ConfigError | None:
    try:
        check_measured(config)
        check_measured_of(config)
    except NotMeasuredError as error:
        return error
    except ConfigError as error:
        return error if here else None
    return None
