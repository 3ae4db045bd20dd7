"""MoCo v2 against the official algorithm, typed anew from algorithm 1 of arXiv 1911.05722."""

import copy
import math
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch.nn import functional as F

from cl_lightning.callbacks import MomentumEncoder, NegativeQueue
from tests import small

MOMENTUM, LENGTH, TEMPERATURE = 0.9, 40, 0.2  # 40 is no multiple of the batch of 16: the queue wraps
EPOCHS = 5  # of 4 steps


class Trace(Callback):
    """What each step computed: batch, loss, the key encoder that it used, the queue after it."""

    def __init__(self) -> None:
        self.batches: list[Any] = []
        self.losses: list[torch.Tensor] = []
        self.key_encoders: list[list[torch.Tensor]] = []
        self.queues: list[torch.Tensor] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.batches.append((batch.images.clone(), batch.index.clone(), trainer.current_epoch))
        self.key_encoders.append(small.weights(pl_module.attached(MomentumEncoder).encoder))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.losses.append(outputs["loss"])
        self.queues.append(pl_module.attached(NegativeQueue).keys.clone())


@pytest.fixture(scope="module", params=[False, True], ids=["asymmetric", "symmetric"])
def run(request):
    method = small.moco(symmetric=request.param)
    reference = copy.deepcopy(method.encoder).double()
    trace = Trace()
    callbacks = [*small.moco_callbacks(MOMENTUM, LENGTH), trace]  # traced last, when the step is complete
    trainer = small.trainer(*callbacks, max_epochs=EPOCHS, precision="64-true")
    trainer.fit(method, datamodule=small.data())
    return method, trace, reference, request.param


def official(encoder_q, views, batches, symmetric):
    """The loop of the paper: keys moved at the start of each step, queue dequeued and enqueued last."""
    encoder_k = copy.deepcopy(encoder_q)
    parameters = list(encoder_q.parameters())
    weights, others = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    queue, pointer = first_queue(), 0
    steps = len(batches)
    for step, (images, index, epoch) in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * 0.5 * (1 + math.cos(math.pi * step / steps))
        with torch.no_grad():
            for k, q in zip(encoder_k.parameters(), encoder_q.parameters(), strict=True):
                k.copy_(MOMENTUM * k + (1 - MOMENTUM) * q)
        used = small.weights(encoder_k)
        x_q, x_k = (view.double() for view in views(images, index, epoch))
        loss, keys = contrast(encoder_q, encoder_k, x_q, x_k, queue)
        made = [keys]
        if symmetric:
            other, other_keys = contrast(encoder_q, encoder_k, x_k, x_q, queue)
            loss, made = (loss + other) / 2, [keys, other_keys]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for row in torch.cat(made):
            queue = queue.clone()
            queue[pointer] = row
            pointer = (pointer + 1) % LENGTH
        yield loss.detach(), used, queue


def first_queue():
    generator = torch.Generator().manual_seed(0)
    return F.normalize(torch.randn(LENGTH, 8, generator=generator, dtype=torch.float64))


def contrast(encoder_q, encoder_k, x_q, x_k, queue):
    q = F.normalize(encoder_q(x_q), dim=1)
    with torch.no_grad():
        k = F.normalize(encoder_k(x_k), dim=1)
    positive = torch.einsum("nc,nc->n", q, k)[:, None]
    logits = torch.cat([positive, q @ queue.T], dim=1) / TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long)), k


def test_twenty_steps_are_those_of_the_official_algorithm(run) -> None:
    method, trace, reference, symmetric = run
    steps = list(official(reference, method.views, trace.batches, symmetric))
    assert len(steps) == 20
    for step, (loss, key_encoder, queue) in enumerate(steps):
        torch.testing.assert_close(trace.losses[step], loss, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(trace.queues[step], queue, rtol=1e-9, atol=1e-9)
        for ours, theirs in zip(trace.key_encoders[step], key_encoder, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(
        method.encoder.state_dict().values(), reference.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-9)


def test_key_encoder_moves_and_differs_from_the_query_encoder(run) -> None:
    _, trace, _, _ = run
    first, last = trace.key_encoders[0], trace.key_encoders[-1]
    assert any((a - b).abs().max() > 1e-3 for a, b in zip(first, last, strict=True))


def test_no_negative_was_made_in_this_step(run) -> None:
    """A key enters the queue after the step that made it: no row of the queue before equals it."""
    _, trace, _, symmetric = run
    made = 32 if symmetric else 16
    for before, after in zip([first_queue(), *trace.queues[:-1]], trace.queues, strict=True):
        changed = (before != after).any(1)
        assert changed.sum() == made
        assert (after[changed] @ before.T).max() < 1 - 1e-9
