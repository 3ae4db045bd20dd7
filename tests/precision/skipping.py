"""MoCo runs in fp16 whose gradients overflow in chosen batches, and what each batch changed."""

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback
from torch import Tensor

from cl_lightning.callbacks import MomentumEncoder, NegativeQueue
from cl_lightning.distributed import rank
from tests import small
from tests.precision.trained import fp16

sgd = small.sgd
fused_sgd = partial(torch.optim.SGD, lr=0.1, momentum=0.9, fused=True)
fused_adamw = partial(torch.optim.AdamW, lr=1e-3, fused=True)


@dataclass(frozen=True)
class Case:
    """A run of eight batches, and for each of them whether it has to change the weights."""

    overflows: tuple[int, ...]
    changes: str  # of each batch: "x" or "."
    settings: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    optimizer: Any = sgd


CASES = {
    "the first step": Case((0,), ".xxxxxxx"),
    "the last step": Case((7,), "xxxxxxx."),
    "every step": Case(tuple(range(8)), "........"),
    "several in a row": Case((2, 3, 4), "xx...xxx"),
    "none, while the scale grows": Case((), "xxxxxxxx", scaler={"growth_interval": 1}),
    "some, while the scale grows": Case((2, 4, 5), "xx.x..xx", scaler={"growth_interval": 1}),
    # A scale of 0 can't fall any further.
    "until the scale is 0": Case(tuple(range(8)), "........", scaler={"init_scale": 2.0**-148}),
    "within an accumulation": Case((2, 5), ".x.....x", {"accumulate_grad_batches": 2}),
    "with clipped gradients": Case((1, 4), "x.xx.xxx", {"gradient_clip_val": 1.0}),
    # Not the first: torch's fused SGD would go on from memory that it never filled.
    "of fused SGD": Case((3, 4), "xxx..xxx", optimizer=fused_sgd),
    "of fused AdamW": Case((0, 3, 4), ".xx..xxx", optimizer=fused_adamw),
}


class Overflow(Callback):
    """Infinite gradients of one weight in chosen batches of one process, before DDP exchanges them."""

    def __init__(self, batches: tuple[int, ...], on_rank: int) -> None:
        self.batches, self.on_rank, self.batch = batches, on_rank, -1

    def on_train_start(self, trainer, pl_module) -> None:
        self.weight = next(pl_module.encoder.parameters())
        self.weight.register_hook(lambda gradient: gradient * math.inf if self.now else gradient)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.batch += 1

    @property
    def now(self) -> bool:
        return self.batch in self.batches and rank() == self.on_rank


class UnsharedOverflow(Overflow):
    """The mistake: only after the exchange, so that the other processes go on."""

    def on_train_start(self, trainer, pl_module) -> None:
        self.weight = next(pl_module.encoder.parameters())

    def on_after_backward(self, trainer, pl_module) -> None:
        if self.now:
            self.weight.grad.fill_(math.inf)


class Changes(Callback):
    """What each batch changed: weights, key encoder and queue, as strings of "x" and "."."""

    def __init__(self, encoder: MomentumEncoder, queue: NegativeQueue) -> None:
        self.encoder, self.queue = encoder, queue
        self.seen = {"weights": "", "key encoder": "", "queue": ""}

    def now(self, pl_module) -> dict[str, list[Tensor]]:
        return {
            "weights": small.weights(pl_module.encoder),
            "key encoder": small.weights(self.encoder.encoder),
            "queue": [self.queue.keys.clone()],
        }

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.before = self.now(pl_module)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        for name, now in self.now(pl_module).items():
            same = all(torch.equal(a, b) for a, b in zip(now, self.before[name], strict=True))
            self.seen[name] += "." if same else "x"


@dataclass
class Ended:
    """What the batches changed, and all that MoCo holds after them."""

    changes: dict[str, str]
    state: dict[str, list[Tensor]]


def run(case: Case, device: str = "cpu", processes: int = 1, on_rank: int = 0, overflow=Overflow) -> Ended:
    """`case` through Lightning; its batches overflow on process `on_rank`."""
    own = small.moco_callbacks(length=64)
    changes = Changes(*own)
    several = {"devices": processes, "strategy": "ddp"} if processes > 1 else {}
    settings = {"accelerator": device, "max_epochs": 2, **several, **case.settings}
    plugin = fp16(device, **case.scaler)
    trainer = small.trainer(overflow(case.overflows, on_rank), *own, changes, plugins=[plugin], **settings)
    method = small.moco(optimizer=case.optimizer)
    trainer.fit(method, datamodule=small.data())
    return Ended(changes.seen, changes.now(method))
