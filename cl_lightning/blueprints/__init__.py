"""Blueprints: plain containers (`_target_`, arguments) that describe objects in configs and checkpoints."""

from cl_lightning.blueprints.allowed import allow
from cl_lightning.blueprints.build import build, rebuild
from cl_lightning.blueprints.config_error import ConfigError, refused, shown
from cl_lightning.blueprints.describe import OWN, arguments, describe, find_own, target_of
from cl_lightning.blueprints.differences import differences
from cl_lightning.blueprints.own_parts import OwnPartError

__all__ = [
    "OWN",
    "ConfigError",
    "OwnPartError",
    "allow",
    "arguments",
    "build",
    "describe",
    "differences",
    "find_own",
    "rebuild",
    "refused",
    "shown",
    "target_of",
]
