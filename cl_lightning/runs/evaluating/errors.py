"""What keeps a run from being evaluated."""

from typing import ClassVar

from cl_lightning.blueprints import ConfigError


class NotEvaluableError(ConfigError):
    """A run that can't be evaluated, because a checkpoint, images or labels are missing.

    If several runs are evaluated, this one is left out.
    """


class NoRowError(ConfigError):
    """One of the networks beside a run's own can't be measured; the others can. `row` says what it is."""

    row: ClassVar[str]
