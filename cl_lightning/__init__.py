"""Contrastive learning on PyTorch Lightning: a method is one choice of pairs, encoder and loss."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cl_lightning.blueprints import allow
    from cl_lightning.checkpoints import load_backbone
    from cl_lightning.methods import MoCoV2, SimCLR

# Imported at first use: `cl-train --help` and shell completion need no torch.
_HOMES = {
    "MoCoV2": "cl_lightning.methods",
    "SimCLR": "cl_lightning.methods",
    "allow": "cl_lightning.blueprints",
    "load_backbone": "cl_lightning.checkpoints",
}

__all__ = ["MoCoV2", "SimCLR", "allow", "load_backbone"]

try:
    __version__ = version("cl_lightning")
except PackageNotFoundError:  # an uninstalled checkout
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
