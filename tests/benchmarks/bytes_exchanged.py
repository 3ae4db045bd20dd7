"""What a rank sends in one training step, counted in a simulation of up to 512 processes.

The methods' own training steps run forward and backward on tensors without content (torch's meta device)
and stand in for rank 0 of W: every collective is counted and left out. Bytes sent are those of ring
algorithms: an all-gather of a share of s bytes sends (W - 1) s, an all-reduce of s bytes 2 s (W - 1) / W, a
reduce-scatter of s bytes and an all-to-all of s bytes s (W - 1) / W each.

    python tests/benchmarks/bytes_exchanged.py           # ResNet-50, 224 pixels, embeddings in bfloat16
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from cl_lightning import MoCoV2, SimCLR
from cl_lightning.callbacks.health.waiting import WaitingSteps
from cl_lightning.data import Batch
from cl_lightning.encoders import Encoder, ResNet

SIZE, DIM, QUEUE = 224, 128, 65536
WORLDS = (8, 64, 512)
BATCHES = (4096, 16384, 65536)
MEBIBYTE = 2**20


class Rank0:
    """Counts messages and bytes that rank 0 of `world` processes sends, by what they hold."""

    def __init__(self, world: int) -> None:
        self.world = world
        self.messages: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def count(self, what: str, tensor: Tensor, factor: float) -> None:
        self.messages[what] += 1
        self.bytes[what] += round(factor * tensor.numel() * tensor.element_size())

    def all_gather(self, shares: list[Tensor], own: Tensor) -> None:
        what = "log-sum-exps"
        if own.shape[-1] == DIM:
            what = "embeddings" if "embeddings" not in self.messages else "embeddings for the scores"
        self.count(what, own, self.world - 1)

    def all_reduce(self, tensor: Tensor) -> None:
        self.count("BatchNorm", tensor, 2 * (self.world - 1) / self.world)

    def reduce_scatter(self, own: Tensor, shares: list[Tensor]) -> None:
        self.count("gradients of embeddings", torch.cat(shares), (self.world - 1) / self.world)

    def all_to_all_single(self, received: Tensor, sent: Tensor, *splits: Any) -> None:
        self.count("images", sent, (self.world - 1) / self.world)

    @contextmanager
    def stands_in(self) -> Iterator[None]:
        collectives = ("all_gather", "all_reduce", "reduce_scatter", "all_to_all_single")
        with patch.multiple(
            "torch.distributed",
            is_initialized=lambda: True,
            get_world_size=lambda: self.world,
            get_rank=lambda: 0,
            **{name: getattr(self, name) for name in collectives},
        ):
            yield


def encoder(**settings: Any) -> Encoder:
    """ResNet-50 whose embeddings come out in bfloat16, as under autocast."""
    with torch.device("meta"):
        made = Encoder(ResNet(50), out_features=DIM, **settings)
    made.register_forward_hook(lambda module, images, z: z.bfloat16())
    return made


def step(method: Any, world: int, batch: int) -> Rank0:
    """One training step of the method on its share of a global batch."""
    rank = Rank0(world)
    views = torch.empty(2, batch // world, 3, SIZE, SIZE, device="meta").unbind()
    no_autocast = patch("torch.autocast", lambda *_, **__: nullcontext())  # there is none on meta
    with rank.stands_in(), no_autocast, patch.object(method, "two_views", lambda *_: views):
        output = method.training_step(Batch(*[torch.empty(0)] * 3), 0)
        output["loss"].backward()
        waiting = WaitingSteps()  # as in the monitor
        waiting.take(output)
        waiting.together()
    return rank


def simclr(world: int, batch: int) -> Rank0:
    return step(SimCLR(encoder=encoder()), world, batch)


def moco(world: int, batch: int) -> Rank0:
    method = MoCoV2(encoder=encoder(batch_norm="shuffle", batch_norm_groups=world))
    keys = encoder(batch_norm="shuffle", batch_norm_groups=world).requires_grad_(False)
    queue = torch.empty(QUEUE, DIM, device="meta")
    attached = SimpleNamespace(encoder=keys, keys=queue, unit_keys=True, collect=lambda keys: None)
    with patch.object(method, "attached", lambda kind: attached):
        return step(method, world, batch)


def main() -> None:
    parameters = 4 * sum(p.numel() for p in encoder().parameters())
    print("MiB that a rank sends in a step\n")
    for name, run, instead in (("SimCLR", simclr, before_simclr), ("MoCo v2", moco, before_moco)):
        print(name)
        for world in WORLDS:
            for batch in BATCHES:
                rank = run(world, batch)
                parts = {
                    what: f"{n / MEBIBYTE:.4g} ({rank.messages[what]})" for what, n in rank.bytes.items()
                }
                parts["DDP"] = f"{2 * (world - 1) / world * parameters / MEBIBYTE:.4g}"
                parts |= {what: f"{n / MEBIBYTE:.4g}" for what, n in instead(world, batch).items()}
                print(f"  W {world:3} B {batch:6}  " + "  ".join(f"{w}: {n}" for w, n in parts.items()))


def before_simclr(world: int, batch: int) -> dict[str, float]:
    """Normalised float32 embeddings by all-gather, their gradients by all-reduce."""
    embeddings = 2 * batch * DIM * 4
    return {"instead of embeddings": (1 + 2) * embeddings * (world - 1) / world}


def before_moco(world: int, batch: int) -> dict[str, float]:
    """Every rank receives all images, as in the official code."""
    return {"instead of images": batch * 3 * SIZE**2 * 4 * (world - 1) / world}


if __name__ == "__main__":
    main()
