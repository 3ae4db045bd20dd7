"""The versions of the packages on which results depend."""

from collections.abc import Mapping

import lightning
import torch
import torchmetrics
import torchvision

import cl_lightning


def versions() -> dict[str, str]:
    """Versions of this program and of the packages with which it computes."""
    packages = (cl_lightning, lightning, torch, torchvision, torchmetrics)
    return {package.__name__: str(package.__version__) for package in packages}


def changes(then: Mapping[str, str]) -> str:
    """The packages whose version has changed, as text; empty if none has."""
    now = versions()
    other = [name for name in now if then.get(name, now[name]) != now[name]]
    return "; ".join(f"{name} {then[name]} then, {now[name]} now" for name in other)
