"""A package as pip installs it: its files, and beside them the folder that tells its entry points."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INIT = """
import os
import pathlib
from functools import partial

import numpy
import torch
from numpy import load as numpy_load
from torch import load
from torch.optim import SGD as Optimizer

from my_nets.models import Net

unlink = pathlib.Path.unlink
system = os.system
loader = partial(torch.load, weights_only=False)
net = Net([4], [1])


class Photos:
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return index


def photos():
    return Photos()
"""
MODELS = """
from torch import nn

from cl_lightning.encoders import SmallConvNet


class Net(SmallConvNet):
    @staticmethod
    def remove(path):
        raise AssertionError("called")


def make_net(widths: list[int]):
    return Net(widths, [1] * len(widths))


def count():
    return 3


def _hidden():
    raise AssertionError("called")
"""
FILES = {
    "my_nets/__init__.py": INIT,
    "my_nets/models.py": MODELS,
    "my_nets/__main__.py": "raise AssertionError('run')\n\n\ndef main(): ...\n",
    "my_nets/broken.py": "import not_installed_at_all\n",
    "my_netsuite.py": "raise AssertionError('imported')\n",
}
ABOUT = "Metadata-Version: 2.1\nName: my-nets\nVersion: 1.0\n"


def install(site: Path, *allowed: str) -> None:
    """Put the package my_nets into the folder `site`, with an entry point for each of `allowed`."""
    entries = "".join(f"entry{n} = {value}\n" for n, value in enumerate(allowed))
    about = {
        "my_nets-1.0.dist-info/METADATA": ABOUT,
        "my_nets-1.0.dist-info/entry_points.txt": f"[cl_lightning.targets]\n{entries}" if entries else "",
    }
    for name, content in (FILES | about).items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content, encoding="utf-8")


@contextmanager
def forgotten() -> Iterator[None]:
    """The package is imported anew in what follows."""
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("my_nets", "my_netsuite")]:
        del sys.modules[name]
