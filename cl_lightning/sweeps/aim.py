"""What a search aims at, and whether its trials can tell how near they come."""

from collections.abc import Iterable
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.measured import NotMeasuredError, check_measured, check_measured_of
from cl_lightning.runs.metrics import low_is_better
from cl_lightning.sweeps.jobs import Job
from cl_lightning.sweeps.search import Direction


def direction_of(metric: str, asked: Direction | None) -> Direction:
    """Towards what is better, unless something else was asked for, which is told."""
    better: Direction = "minimize" if low_is_better(metric) else "maximize"
    if asked not in (None, better):
        way = "low" if low_is_better(metric) else "high"
        print(f"sweep: {metric} is better {way}, but hydra.sweeper.direction={asked} searches for the worst")
    return asked or better


def check_some_measure(samples: Iterable[Job], here: bool) -> None:
    """That one of the samples of a search at least measures `run.metric`.

    Args:
        samples: looked at until one does.
        here: whether their images must be on this machine; those of a cluster may be where they are trained.

    Raises:
        ConfigError: none does; why the first does not.
    """
    refusal: Exception | None = None
    for job in samples:
        error = job.error or _why_not(job.config, here)
        if error is None:
            return
        refusal = refusal or error
    assert refusal is not None, "there is a sample"
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
