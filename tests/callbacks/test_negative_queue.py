"""The queue is first in, first out, and is read before the step's keys enter it."""

from collections import deque

import pytest
import torch
from lightning.pytorch import Callback
from torch.nn import functional as F

from cl_lightning.callbacks import KNNMonitor, NegativeQueue
from tests import tiny


def queue_of(length: int, dim: int = 3) -> NegativeQueue:
    queue = NegativeQueue(length)
    queue.keys, queue.pointer, queue.enqueued = torch.zeros(length, dim), 0, 0
    return queue


@pytest.mark.parametrize("length", [1, 7, 10, 64])
def test_any_batches_leave_what_a_deque_would_hold(length: int) -> None:
    torch.manual_seed(length)
    queue, model, number = queue_of(length), deque(maxlen=length), 0
    for _ in range(50):
        batch = int(torch.randint(1, length + 1, ()))
        keys = torch.arange(number, number + batch).float()[:, None].expand(-1, 3)
        queue.enqueue(keys)
        model.extend(range(number, number + batch))
        number += batch
        held = queue.keys[:, 0].long().tolist()
        oldest_first = held[queue.pointer :] + held[: queue.pointer]
        assert oldest_first[-len(model) :] == list(model)
    assert queue.fill == 1.0


def test_wrapping_loses_no_key() -> None:
    queue = queue_of(10)
    for start in range(0, 12, 3):
        queue.enqueue(torch.arange(start, start + 3).float()[:, None].expand(-1, 3))
    assert queue.keys[:, 0].tolist() == [10, 11, 2, 3, 4, 5, 6, 7, 8, 9]
    assert queue.pointer == 2


def test_fill_is_the_share_of_real_keys() -> None:
    queue = queue_of(10)
    fills = []
    for _ in range(4):
        queue.enqueue(torch.zeros(4, 3))
        fills.append(queue.fill)
    assert fills == [0.4, 0.8, 1.0, 1.0]


def fit(*callbacks, **settings):
    method = settings.pop("method", None) or tiny.moco()
    trainer = tiny.trainer(*callbacks, **settings)
    trainer.fit(method, datamodule=tiny.data())
    return trainer


def test_starts_as_unit_vectors_of_its_seed() -> None:
    seen = []

    class Look(Callback):
        def on_train_start(self, trainer, pl_module) -> None:
            seen.append(pl_module.attached(NegativeQueue).keys.clone())

    for seed in (0, 0, 1):
        fit(NegativeQueue(40, seed), Look(), max_epochs=1)
    torch.testing.assert_close(seen[0].norm(dim=1), torch.ones(40))
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_keys_of_all_micro_batches_enter_together_in_order() -> None:
    queue, seen = NegativeQueue(64), []

    class Look(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            seen.append((queue.enqueued, outputs["z_b"], queue.keys.clone()))

    fit(queue, Look(), accumulate_grad_batches=2)
    assert [enqueued for enqueued, _, _ in seen] == [0, 32, 32, 64]
    made = torch.cat([keys for _, keys, _ in seen])
    assert torch.equal(seen[-1][2], made)


def test_keys_are_unit_vectors_in_float32_under_bf16() -> None:
    queue = NegativeQueue(40)
    fit(queue, precision="bf16-mixed")
    assert queue.keys.dtype is torch.float32
    torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(40))


def test_forward_and_validation_change_nothing() -> None:
    queue, method = NegativeQueue(40), tiny.moco()
    trainer = fit(queue, method=method)
    before = queue.keys.clone(), queue.pointer
    method.encoder(torch.randn(4, 3, 8, 8))
    trainer = tiny.trainer(queue, KNNMonitor(k=5), limit_val_batches=1.0)
    trainer.validate(method, datamodule=tiny.data(), verbose=False)
    assert torch.equal(queue.keys, before[0])
    assert queue.pointer == before[1]


def test_second_fit_starts_anew() -> None:
    queue, method = NegativeQueue(40), tiny.moco()
    fit(queue, method=method)
    start = []

    class Look(Callback):
        def on_train_start(self, trainer, pl_module) -> None:
            start.append((queue.keys.clone(), queue.enqueued, queue.pointer))

    fit(queue, Look(), method=method)
    generator = torch.Generator().manual_seed(0)
    expected = F.normalize(torch.randn(40, 8, generator=generator, dtype=torch.float64))
    assert torch.equal(start[0][0], expected.float())
    assert start[0][1:] == (0, 0)


@pytest.mark.parametrize(("symmetric", "accumulate", "keys"), [(False, 1, 16), (True, 1, 32), (True, 2, 64)])
def test_queue_shorter_than_the_keys_of_a_step_is_refused(symmetric, accumulate, keys) -> None:
    message = rf"callbacks.negative_queue.length is {keys - 1}, but one optimizer step makes {keys} keys"
    with pytest.raises(ValueError, match=message):
        fit(
            NegativeQueue(keys - 1),
            method=tiny.moco(symmetric=symmetric),
            accumulate_grad_batches=accumulate,
        )


def test_queue_longer_than_an_epoch_warns() -> None:
    with pytest.warns(UserWarning, match=r"length is 65, more than the 64 keys of an epoch"):
        fit(NegativeQueue(65))


def test_length_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match=r"callbacks.negative_queue.length is 0; accepted: 1 or more"):
        NegativeQueue(0)
