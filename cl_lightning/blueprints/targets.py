"""The names that a blueprint may use: the `OPTIONS` of each package, listed next to their classes."""

from functools import cache
from importlib import import_module

# The components of a method; a checkpoint may name only these.
AXES = ("cl_lightning.pairs", "cl_lightning.encoders", "cl_lightning.losses", "cl_lightning.optim")
# They are imported when a blueprint is read; this package does not import them.
PACKAGES = (*AXES, "cl_lightning.methods", "cl_lightning.callbacks", "cl_lightning.data", "cl_lightning.runs")


@cache
def targets() -> frozenset[str]:
    """All names that a config may use, as MODULE.NAME."""
    return _listed_by(PACKAGES)


@cache
def targets_of_checkpoints() -> frozenset[str]:
    """All names that a checkpoint may use, as MODULE.NAME."""
    return _listed_by(AXES)


def _listed_by(packages: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for package in packages for name in import_module(package).OPTIONS)
