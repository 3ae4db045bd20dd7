"""Parts as plain containers, as configs and checkpoints hold them: `_target_` and its arguments."""

from cl_lightning.blueprints.build import build
from cl_lightning.blueprints.config_error import ConfigError, refused, shown

__all__ = ["ConfigError", "build", "refused", "shown"]
