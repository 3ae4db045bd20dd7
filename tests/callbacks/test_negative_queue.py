"""The queue is first in, first out, and is read before the step's keys enter it."""

from collections import deque

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from torch.nn import functional as F

from cl_lightning.callbacks import KNNMonitor, MomentumEncoder, NegativeQueue
from cl_lightning.callbacks.staleness import staleness
from tests import small


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
    method = settings.pop("method", None) or small.moco()
    trainer = small.trainer(*callbacks, **settings)
    trainer.fit(method, datamodule=small.data())
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
    queue, method = NegativeQueue(40), small.moco()
    trainer = fit(queue, method=method)
    before = queue.keys.clone(), queue.pointer
    method.encoder(torch.randn(4, 3, 8, 8))
    trainer = small.trainer(queue, KNNMonitor(k=5), limit_val_batches=1.0)
    trainer.validate(method, datamodule=small.data(), verbose=False)
    assert torch.equal(queue.keys, before[0])
    assert queue.pointer == before[1]


def test_second_fit_starts_anew() -> None:
    queue, method = NegativeQueue(40), small.moco()
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
            method=small.moco(symmetric=symmetric),
            accumulate_grad_batches=accumulate,
        )


def test_queue_longer_than_an_epoch_warns() -> None:
    with pytest.warns(UserWarning, match=r"length is 65, more than the 64 keys of an epoch"):
        fit(NegativeQueue(65))


def test_length_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match=r"callbacks.negative_queue.length is 0; accepted: 1 or more"):
        NegativeQueue(0)


class Ages(Callback):
    """After every batch: the queue's ages, and those that a list of (entered, key) gives."""

    def __init__(self, queue: NegativeQueue, skipped: tuple[int, ...] = ()) -> None:
        self.queue, self.skipped, self.steps, self.held = queue, skipped, 0, []
        self.pending: list[int] = []
        self.logged: dict[str, list[float]] = {"train/queue_age": [], "train/queue_age_max": []}

    def on_after_backward(self, trainer, pl_module) -> None:
        if trainer.global_step in self.skipped:
            next(pl_module.encoder.parameters()).grad.fill_(torch.inf)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.pending.append(len(outputs["z_b"]))
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if trainer.global_step - 1 not in self.skipped:
            self.steps += 1
            self.held = (self.held + [self.steps] * sum(self.pending))[-self.queue.length :]
        self.pending = []
        assert sorted(self.queue.ages.tolist()) == sorted(self.steps - entered for entered in self.held)

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        for name, values in self.logged.items():
            values.append(trainer.callback_metrics[name].item())
        ages = [self.steps - entered for entered in self.held]
        assert self.logged["train/queue_age"][-1] == pytest.approx(sum(ages) / len(ages))
        assert self.logged["train/queue_age_max"][-1] == max(ages)


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("length", [40, 64])
def test_ages_are_the_steps_since_each_key_entered(length, accumulate) -> None:
    queue = NegativeQueue(length)
    ages = Ages(queue)
    fit(queue, ages, accumulate_grad_batches=accumulate, max_epochs=3)
    assert ages.steps == queue.steps == 12 // accumulate


def test_a_step_that_the_scaler_skipped_makes_no_key_older() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    precision = MixedPrecision("16-mixed", "cpu", scaler)
    queue = NegativeQueue(64)
    ages = Ages(queue, skipped=(1, 6))
    fit(queue, ages, plugins=[precision], max_epochs=3)
    assert ages.steps == queue.steps == 10


def test_a_resumed_run_knows_the_age_of_its_keys(tmp_path) -> None:
    queue, resumed = NegativeQueue(40), NegativeQueue(40)
    trainer = fit(queue)
    trainer.save_checkpoint(tmp_path / "run.ckpt")
    seen = []

    class Look(Callback):
        def on_train_start(self, trainer, pl_module) -> None:
            seen.append((resumed.entered.clone(), resumed.steps))

    again = small.trainer(resumed, Look(), max_epochs=2)
    again.fit(small.moco(), datamodule=small.data(), ckpt_path=tmp_path / "run.ckpt", weights_only=True)
    assert torch.equal(seen[0][0], queue.entered)
    assert seen[0][1] == 4
    # 40 slots, 16 keys a step: the last three steps, and half of the first of them.
    assert sorted(resumed.ages.tolist()) == [0] * 16 + [1] * 16 + [2] * 8
    assert resumed.steps == 8


def test_oldest_keys_come_first_and_unit_vectors_of_the_start_not_at_all() -> None:
    queue = queue_of(10)
    for start in range(0, 18, 3):
        queue.enqueue(torch.arange(start, start + 3).float()[:, None].expand(-1, 3))
        held = list(range(start + 3))[-10:]
        assert queue.oldest_first()[:, 0].tolist() == held
        assert len(queue.ages) == len(held)


def unit(n: int, dim: int = 16, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)))


def test_keys_of_one_encoder_are_not_stale_and_those_of_another_are() -> None:
    classes = unit(10)

    def keys(n: int, seed: int) -> torch.Tensor:
        """Of one encoder: near the ten points of their classes."""
        return F.normalize(classes[torch.arange(n) % 10] + 0.1 * unit(n, seed=seed))

    other = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(9))).Q
    fresh, turned = keys(512, 1), keys(512, 2) @ other
    assert staleness(torch.cat([fresh, keys(512, 2)]), 64) == pytest.approx(1, abs=0.1)
    assert staleness(torch.cat([turned, fresh]), 64) > 10


@pytest.mark.parametrize(("step", "part"), [(64, 64), (50, 100), (200, 200)])
def test_staleness_is_the_ratio_of_distances_between_whole_steps(step, part) -> None:
    keys = unit(700)
    newest, before, oldest = keys[-part:], keys[-2 * part : -part], keys[:part]
    far, near = ((1 - newest @ other.T).min(1).values.mean() + 1e-3 for other in (oldest, before))
    assert staleness(keys, step) == pytest.approx((far / near).item(), rel=1e-5)


def test_a_short_or_unfilled_queue_is_not_judged() -> None:
    assert staleness(unit(191), 64) is None
    queue = queue_of(192)
    queue.steps = 1
    queue.enqueue(unit(128, 3))
    assert queue.staleness() is None


def test_staleness_is_logged_once_the_queue_is_full() -> None:
    data, queue = small.data(images=256, batch_size=64), NegativeQueue(192)
    trainer = small.trainer(MomentumEncoder(1.0), queue)
    trainer.fit(small.moco(), datamodule=data)
    assert trainer.callback_metrics["train/queue_staleness"] == pytest.approx(queue.staleness())
    assert queue.staleness() < 2  # a key encoder that never moves


def test_a_checkpoint_with_a_queue_of_another_length_is_refused(tmp_path) -> None:
    fit(NegativeQueue(40)).save_checkpoint(tmp_path / "run.ckpt")
    content = torch.load(tmp_path / "run.ckpt", weights_only=True)
    del content["cl_lightning"]["settings"]  # which tell the length, but not in older checkpoints
    torch.save(content, tmp_path / "run.ckpt")
    other = small.trainer(NegativeQueue(48), max_epochs=2)
    with pytest.raises(
        ValueError,
        match=r"length is 48, but .*run.ckpt holds a queue of 40; accepted: \S+length=40",
    ):
        other.fit(small.moco(), datamodule=small.data(), ckpt_path=tmp_path / "run.ckpt", weights_only=True)
