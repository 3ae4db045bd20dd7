"""What keeps a run from being evaluated."""

from cl_lightning.blueprints import ConfigError


class NotEvaluableError(ConfigError):
    """A run that can't be evaluated, because a checkpoint, images or labels are missing.

    If several runs are evaluated, this one is left out.
    """
