"""Parts of a user's own package, which a config names, in several versions."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CODE = """
from torch import nn

from cl_lightning.encoders import Encoder
from cl_lightning.losses import nt_xent
from cl_lightning.pairs import simclr_views


class Net(nn.Module):
    def __init__(self, width: int, channels: int = 3) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, width, 3), nn.BatchNorm2d(width)
        self.features = width

    def forward(self, x):
        return self.norm(self.conv(x)).relu().mean((2, 3))


def make_net(width: int) -> Net:
    return Net(width)


def unsaid_net(width: int):
    return Net(width)


def layers(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.AvgPool2d(6), nn.Flatten())


class Above(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.features = inner, inner.features

    def forward(self, x):
        return self.inner(x)


class OwnEncoder(Encoder):
    def __init__(self, width: int, out_features: int) -> None:
        super().__init__(Net(width), out_features=out_features)


class Views:
    def __init__(self, size: int) -> None:
        self.size, self.mean, self.std = size, (0.5,) * 3, (0.5,) * 3
        self.views = simclr_views(size, mean=self.mean, std=self.std)

    def __call__(self, images, index, epoch):
        return self.views(images, index, epoch)

    def clean(self, images):
        return self.views.clean(images)


def cooler(z_a, z_b, temperature: float):
    return nt_xent(z_a, z_b, 2 * temperature)
"""
ABOUT = "Metadata-Version: 2.1\nName: own-nets\nVersion: 1.0\n"


@contextmanager
def installed(site: Path, code: str = CODE, entry_point: str = "") -> Iterator[None]:
    """In this block the module own_nets can be imported, with an entry point if one is named."""
    about = site / "own_nets-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (site / "own_nets.py").write_text(code, encoding="utf-8")
    (about / "METADATA").write_text(ABOUT, encoding="utf-8")
    entry = f"[cl_lightning.targets]\nown = {entry_point}\n" if entry_point else ""
    (about / "entry_points.txt").write_text(entry, encoding="utf-8")
    sys.path.insert(0, str(site))
    sys.modules.pop("own_nets", None)
    try:
        yield
    finally:
        sys.path.remove(str(site))
        sys.modules.pop("own_nets", None)
