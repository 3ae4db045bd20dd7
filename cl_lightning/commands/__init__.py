"""What the commands share: where the configs lie, how they are read, and what is printed about errors."""

from cl_lightning.commands.conf_folder import conf_folder
from cl_lightning.commands.resolved import resolved

__all__ = ["conf_folder", "resolved"]
