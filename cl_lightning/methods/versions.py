"""The versions of what a run's numbers depend on."""

from collections.abc import Mapping

import lightning
import torch
import torchmetrics
import torchvision

import cl_lightning


def versions() -> dict[str, str]:
    """Of this program and of the packages that it computes with."""
    packages = (cl_lightning, lightning, torch, torchvision, torchmetrics)
    return {package.__name__: str(package.__version__) for package in packages}


def changes(then: Mapping[str, str]) -> str:
    """What is of another version now, in words; empty where nothing is."""
    now = versions()
    other = [name for name in now if then.get(name, now[name]) != now[name]]
    return "; ".join(f"{name} {then[name]} then, {now[name]} now" for name in other)
