"""What a blueprint may name: the `OPTIONS` of each package, which stand next to their classes."""

from functools import cache
from importlib import import_module

# The parts of a method; a checkpoint may name no other.
AXES = ("cl_lightning.pairs", "cl_lightning.encoders", "cl_lightning.losses", "cl_lightning.optim")
# Looked up by name when a blueprint is read: this package imports none of them.
PACKAGES = (*AXES, "cl_lightning.methods", "cl_lightning.callbacks", "cl_lightning.data", "cl_lightning.runs")


@cache
def targets() -> frozenset[str]:
    """All that a config may name, as MODULE.NAME."""
    return _listed_by(PACKAGES)


@cache
def targets_of_checkpoints() -> frozenset[str]:
    """All that a checkpoint may name, as MODULE.NAME."""
    return _listed_by(AXES)


def _listed_by(packages: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for package in packages for name in import_module(package).OPTIONS)
