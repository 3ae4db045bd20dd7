"""Views a second of a training step without its views: layouts, compilers and CUDA graphs, by batch.

Random input, bf16-mixed, nt_xent and SGD. `measure("full", "18")` is ResNet-18 with CIFAR's stem at 32
pixels, "50" is ResNet-50 at 224.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from cl_lightning.losses import nt_xent
from tests.benchmarks.gpu.clock import Attempts, seconds
from tests.benchmarks.gpu.sizes import SIZES, Sizes
from tests.benchmarks.measured import Row

LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
NETWORKS = {"18": ("cifar", 32), "50": ("imagenet", 224)}
BATCH_OF_PHOTOS = 128
GRAPH = "eager, CUDA graph"


class Step:
    """Forward, loss, backward and optimizer on two views of `batch` random images."""

    def __init__(self, sizes: Sizes, depth: str, batch: int, layout: str) -> None:
        stem, pixels = NETWORKS[depth]
        side, self.device = sizes.side(pixels), sizes.device
        self.network: nn.Module = sizes.encoder(int(depth), stem).to(memory_format=LAYOUTS[layout])
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.01, momentum=0.9)
        views = torch.randn(2 * batch, 3, side, side, device=self.device)
        self.views = views.to(memory_format=LAYOUTS[layout])

    def quickened(self, way: str, settings: Mapping[str, Any]) -> "Step":
        """The same with a network that is compiled, or replayed from a CUDA graph."""
        if way == GRAPH:
            with self.autocast():
                self.network = torch.cuda.make_graphed_callables(self.network, (self.views,))
        else:
            self.network = torch.compile(self.network, **settings)
        return self

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device, torch.bfloat16, cache_enabled=False)

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        with self.autocast():
            z = self.network(self.views)
        nt_xent(*z.float().chunk(2), 0.2).backward()
        self.optimizer.step()


def measure(size: str, depth: str) -> Iterator[Row]:
    torch.backends.cudnn.benchmark = True
    sizes, attempts = SIZES[size], Attempts()
    ways = {"eager": {}, GRAPH: {}} if sizes.device == "cuda" else {"eager": {}}
    for batch in sizes.batches if depth == "18" else (min(BATCH_OF_PHOTOS, *sizes.batches),):
        first: dict[str, float] = {}
        for way, settings in {**ways, **sizes.compiled}.items():
            for layout in LAYOUTS:
                with attempts.at(f"{batch} images, {layout}, {way}"):
                    step = Step(sizes, depth, batch, layout)
                    step = step if way == "eager" else step.quickened(way, settings)
                    rate = 2 * batch / seconds(step, sizes.device, sizes.repeats)
                    work = f"ResNet-{depth} step of 2 x {batch} views: {layout}, {way}"
                    yield Row(work, "views/s", rate, dict(first), high_is_better=True)
                    first = first or {f"{layout}, {way}": rate}
    attempts.end()
