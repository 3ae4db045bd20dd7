"""Contrastive learning on PyTorch Lightning: a method is one choice of pairs, encoder and loss."""

import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cl_lightning.blueprints import allow as allow
    from cl_lightning.checkpoints import load_backbone as load_backbone
    from cl_lightning.methods import *  # noqa: F403
    from cl_lightning.weights import init_weights as init_weights

# A thread that waits for others soon sleeps. By default it spins for milliseconds; a busy machine then lacks
# the core that they need. Results are the same. torch reads this when it is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Imported at first use: `cl-train --help` and shell completion need no torch.
_HOMES = {
    "allow": "cl_lightning.blueprints",
    "init_weights": "cl_lightning.weights",
    "load_backbone": "cl_lightning.checkpoints",
}
_METHODS = "cl_lightning.methods"

try:
    __version__ = version("cl_lightning")
except PackageNotFoundError:  # an uninstalled checkout
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__all__":
        return sorted([*_HOMES, *import_module(_METHODS).__all__])
    if not name.startswith("_") and name in import_module(_METHODS).__all__:
        return getattr(import_module(_METHODS), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
