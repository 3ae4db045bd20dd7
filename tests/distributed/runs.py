"""Runs of a few steps that record all that one process and many must agree in."""

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor

from cl_lightning.callbacks import MomentumEncoder
from cl_lightning.callbacks.first_in_first_out import FirstInFirstOut
from cl_lightning.callbacks.support_set import SupportSet
from cl_lightning.data import ContrastiveData, EpochOrder, TensorImages, synthetic
from cl_lightning.distributed import world_size
from cl_lightning.losses import sup_con
from tests import small

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

BATCH, STEPS, LEFT_OUT = 36, 5, 5
# Of queue and support set: no multiple of the batch, at least the keys of a step, fewer than those of all.
LENGTH = 150
CALLBACKS = ("keys.", "queue")  # names of what they hold

ACCELERATORS = {"cpu": "cpu", "cuda": "gpu"}
OPTIMIZERS = {"sgd": small.sgd, "adamw": partial(torch.optim.AdamW, lr=1e-2)}


@dataclass(frozen=True)
class Case:
    """What is trained."""

    method: str  # simclr, sup_con (SimCLR with labels), moco, symmetric or nnclr
    batch_norm: str
    groups_each: int = 1  # of a process
    optimizer: str = "sgd"
    accumulated: int = 1

    def __str__(self) -> str:
        words = [self.method, self.batch_norm]
        words += [f"{self.groups_each} groups each"] if self.groups_each > 1 else []
        words += [self.optimizer] if self.optimizer != "sgd" else []
        words += [f"{self.accumulated} accumulated"] if self.accumulated > 1 else []
        return " ".join(words)


METHODS = ("simclr", "moco", "symmetric")
SIMCLR = Case("simclr", "sync")
# Every method under every policy but `plain`; in SimCLR, `shuffle` is `split`.
CASES = [
    *(Case(method, "sync") for method in METHODS),
    *(Case(method, "split", each) for method in METHODS for each in (1, 2)),
    *(Case(method, "shuffle", each) for method in METHODS[1:] for each in (1, 2)),
    Case("sup_con", "sync"),
    Case("nnclr", "sync"),
    Case("nnclr", "split", 2, accumulated=2),
    Case("simclr", "sync", optimizer="adamw"),
    Case("moco", "shuffle", 2, optimizer="adamw"),
    Case("simclr", "sync", accumulated=2),
    Case("symmetric", "shuffle", accumulated=2),
]


@dataclass
class Record:
    """Of each step the state that it began with and its gradients, and the state after the last one."""

    states: list[dict[str, Tensor]] = field(default_factory=list)
    gradients: list[dict[str, Tensor]] = field(default_factory=list)
    moved_by_batches: set[str] = field(default_factory=set)  # of keys and queue, before the step's end
    last: dict[str, Tensor] = field(default_factory=dict)
    ddp_holds: set[str] = field(default_factory=set)


class Recorder(Callback):
    """Fills a record; with `given` states each step begins with those, not where the one before ended."""

    def __init__(self, given: list[dict[str, Tensor]] | None = None) -> None:
        self.record, self.given = Record(), given

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx % trainer.accumulate_grad_batches:
            return
        if self.given is not None:
            with torch.no_grad():
                for name, value in tensors(pl_module).items():
                    value.copy_(self.given[trainer.global_step][name])
        self.record.states.append(cloned(pl_module))

    def on_after_backward(self, trainer: Trainer, pl_module: Any) -> None:
        before = self.record.states[-1]
        for name, value in tensors(pl_module).items():
            if name.startswith(CALLBACKS) and not torch.equal(value.cpu(), before[name]):
                self.record.moved_by_batches.add(name)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Any) -> None:
        named = pl_module.named_parameters()
        self.record.gradients.append({name: p.grad.detach().cpu().clone() for name, p in named})

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.record.last = cloned(pl_module)
        ddp = trainer.strategy.model
        if ddp is not pl_module:
            held = [*ddp.parameters(), *ddp.buffers()]
            shared = {t.untyped_storage().data_ptr() for t in held}
            names = tensors(pl_module)
            self.record.ddp_holds = {n for n, t in names.items() if t.untyped_storage().data_ptr() in shared}


def tensors(method: LightningModule) -> dict[str, Tensor]:
    """Weights, buffers, key encoder, and queue or support set, themselves."""
    found = dict(method.state_dict())
    for callback in method.trainer.callbacks:
        if isinstance(callback, MomentumEncoder):
            found |= {f"keys.{name}": value for name, value in callback.encoder.state_dict().items()}
        elif isinstance(callback, FirstInFirstOut):
            found["queue"] = callback.keys
    return found


def cloned(method: LightningModule) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in tensors(method).items()}


def data(accumulated: int = 1) -> ContrastiveData:
    """Images whose contrast grows within each global batch: no rank's statistics are another's."""
    number = BATCH * STEPS * accumulated + LEFT_OUT
    images = synthetic("train", images=number, size=small.SIZE).images
    order = EpochOrder(number, BATCH, seed=0)
    contrast = torch.ones(number)
    for index in order.batches():
        contrast[index] = torch.linspace(0.2, 1, BATCH)
    scaled = (images * contrast.view(-1, 1, 1, 1)).to(torch.uint8)
    labels = torch.arange(number) % 7 - 1  # some have none
    return ContrastiveData(TensorImages(scaled, labels), batch_size=BATCH)


def train(
    case: Case,
    world: int,
    precision: str,
    given: list[dict[str, Tensor]] | None = None,
    device: str = "cpu",
    **settings: Any,
) -> Record:
    """All steps on all processes of this group, or on one what `world` of them compute.

    `settings` are the method's.
    """
    groups = case.groups_each * world if case.batch_norm in ("split", "shuffle") else 1
    recorder = Recorder(given)
    settings = {"optimizer": OPTIMIZERS[case.optimizer]} | settings
    callbacks: list[Callback] = []
    if case.method == "sup_con":
        settings = {"loss": sup_con} | settings
    if case.method in ("simclr", "sup_con"):
        method: Any = small.simclr(case.batch_norm, groups, **settings)
    elif case.method == "nnclr":
        method = small.nnclr(case.batch_norm, groups, **settings)
        callbacks = [SupportSet(LENGTH)]
    else:
        method = small.moco(case.batch_norm, groups, symmetric=case.method == "symmetric", **settings)
        callbacks = small.moco_callbacks(length=LENGTH)
    method.default_callbacks.clear()
    trainer = small.trainer(
        *callbacks,
        recorder,
        precision=precision,
        accumulate_grad_batches=case.accumulated,
        accelerator=ACCELERATORS[device],
        devices=world_size(),
        strategy=ddp(case) if world_size() > 1 else "auto",
    )
    trainer.fit(method, datamodule=data(case.accumulated))
    assert trainer.global_step == STEPS
    return recorder.record


def ddp(case: Case) -> DDPStrategy:
    """As in conf/trainer/ddp.yaml."""
    return DDPStrategy(
        broadcast_buffers=False,
        gradient_as_bucket_view=True,
        find_unused_parameters=False,
        static_graph=case.accumulated == 1,
    )
