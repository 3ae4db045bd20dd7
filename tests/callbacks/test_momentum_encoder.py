"""The key encoder is the stated average, once for each optimizer step that changed the weights."""

import math
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cl_lightning.callbacks import MomentumEncoder
from cl_lightning.callbacks.weight_changes import WeightChanges
from tests import small
from tests.precision.trained import every_precision, on_cpu_and_gpu, trainer


class Moves(Callback):
    """Counts the batches after which the key encoder had moved, and checks each move."""

    def __init__(self, momentum: float) -> None:
        self.momentum = momentum
        self.moved: list[bool] = []

    def on_fit_start(self, trainer, pl_module) -> None:
        self.keys = small.weights(pl_module.attached(MomentumEncoder).encoder)
        for key, query in zip(self.keys, pl_module.encoder.parameters(), strict=True):
            assert torch.equal(key, query)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        keys = small.weights(pl_module.attached(MomentumEncoder).encoder)
        moved = any(not torch.equal(a, b) for a, b in zip(keys, self.keys, strict=True))
        if moved:
            queries = pl_module.encoder.parameters()
            for new, old, query in zip(keys, self.keys, queries, strict=True):
                torch.testing.assert_close(new, self.momentum * old + (1 - self.momentum) * query.detach())
        self.moved.append(moved)
        self.keys = keys


def fit(*callbacks, method=None, data=None, **settings):
    method = method or small.moco()
    trainer = small.trainer(*callbacks, **settings)
    trainer.fit(method, datamodule=data or small.data())
    return method


def test_one_move_for_each_step_of_backbone_and_head() -> None:
    moves = Moves(0.9)
    method = fit(*small.moco_callbacks(), moves)
    assert moves.moved == [True] * 4
    names = dict(method.encoder.named_parameters())
    assert any(n.startswith("backbone") for n in names)
    assert any(n.startswith("projector") for n in names)


def test_a_move_is_one_operation_for_all_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    moved, lerp = [], torch._foreach_lerp_
    monkeypatch.setattr(
        torch, "_foreach_lerp_", lambda keys, *rest: moved.append(len(keys)) or lerp(keys, *rest)
    )
    method = fit(*small.moco_callbacks(0.9))
    assert moved == [len(list(method.encoder.parameters()))] * 4


def test_one_move_for_each_step_under_accumulation() -> None:
    moves = Moves(0.9)
    fit(*small.moco_callbacks(), moves, accumulate_grad_batches=2, max_epochs=2)
    assert moves.moved == [False, True] * 4


def test_last_micro_batches_that_fill_no_step_make_no_move() -> None:
    moves = Moves(0.9)
    fit(*small.moco_callbacks(length=48), moves, accumulate_grad_batches=3)
    assert moves.moved == [False, False, True]


class Skip(Callback):
    """Makes the gradient scaler see an overflow in one step, as fp16 does on a GPU."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_after_backward(self, trainer, pl_module) -> None:
        if trainer.global_step == self.step:
            next(pl_module.encoder.parameters()).grad.fill_(math.inf)


def test_step_that_the_scaler_skips_moves_neither_keys_nor_queue() -> None:
    from lightning.pytorch.plugins.precision import MixedPrecision

    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    precision = MixedPrecision("16-mixed", "cpu", scaler)
    moves = Moves(0.9)
    callbacks = small.moco_callbacks(length=64)
    trainer = small.trainer(Skip(step=1), *callbacks, moves, plugins=[precision])
    trainer.fit(small.moco(), datamodule=small.data())
    assert trainer.global_step == 4  # Lightning counts the skipped step
    assert moves.moved == [True, False, True, True]
    assert callbacks[1].enqueued == 3 * 16


def test_constant_momentum_has_the_closed_form() -> None:
    callback, steps, momentum = MomentumEncoder(0.9), 4, 0.9
    method = small.moco(optimizer=lambda groups: torch.optim.SGD(groups, lr=0.0))
    start = [w + 1 for w in small.weights(method.encoder)]

    class Displace(Callback):
        def on_train_start(self, trainer, pl_module) -> None:
            for key, value in zip(callback.encoder.parameters(), start, strict=True):
                key.data.copy_(value)

    fit(callback, small.moco_callbacks()[1], Displace(), method=method)
    for key, query in zip(callback.encoder.parameters(), method.encoder.parameters(), strict=True):
        torch.testing.assert_close(key, query + momentum**steps, rtol=1e-5, atol=1e-6)


def test_cosine_schedule_starts_at_momentum_and_ends_at_one() -> None:
    callback = MomentumEncoder(0.9, schedule="cosine")
    seen = []

    class Record(Callback):
        def on_train_batch_end(self, trainer, *_) -> None:
            seen.append(callback.momentum_at(trainer))

    fit(callback, small.moco_callbacks()[1], Record())
    expected = [1 - 0.1 * 0.5 * (1 + math.cos(math.pi * step / 4)) for step in (1, 2, 3, 4)]
    assert seen == pytest.approx(expected)
    assert seen[-1] == 1.0


def test_buffers_are_the_key_encoders_own() -> None:
    callbacks = small.moco_callbacks()
    method = fit(*callbacks)
    queries, keys = dict(method.encoder.named_buffers()), dict(callbacks[0].encoder.named_buffers())
    means = [name for name in queries if name.endswith("running_mean")]
    assert means
    for name in means:
        assert not torch.equal(queries[name], keys[name])
        tracked = name.replace("running_mean", "num_batches_tracked")
        assert queries[tracked] == keys[tracked] == 4


def test_neither_module_nor_optimizer_holds_the_key_encoder() -> None:
    callbacks = small.moco_callbacks()
    trainer, method = small.trainer(*callbacks), small.moco()
    before = set(method.state_dict())
    trainer.fit(method, datamodule=small.data())
    assert set(method.state_dict()) == before
    keys = {id(p) for p in callbacks[0].encoder.parameters()}
    assert not keys & {id(p) for p in method.parameters()}
    assert not keys & {id(p) for group in trainer.optimizers[0].param_groups for p in group["params"]}
    assert not any(p.requires_grad for p in callbacks[0].encoder.parameters())


UPDATES = 1000


def moving(device: str) -> Iterator[list[Tensor]]:
    """Weights of an encoder that walk in a straight line, in bfloat16's numbers."""
    start = [weight.to(device) for weight in small.weights(small.encoder())]
    generator = torch.Generator().manual_seed(0)
    way = [0.1 * torch.randn(weight.shape, generator=generator).to(device) for weight in start]
    for update in range(UPDATES + 1):
        yield [(w + update / UPDATES * d).bfloat16() for w, d in zip(start, way, strict=True)]


class StepsByHand(Trainer):
    global_step = 0


@torch.no_grad()
def followed(dtype: torch.dtype, device: str) -> list[Tensor]:
    """The key encoder of such weights, held in `dtype`."""
    callback = MomentumEncoder(0.999)
    method = SimpleNamespace(
        encoder=small.encoder().to(device, dtype), weight_changes=WeightChanges(), begins_with={}
    )
    trainer = StepsByHand(accelerator=device, logger=False, enable_checkpointing=False)
    for update, weights in enumerate(moving(device)):
        for query, weight in zip(method.encoder.parameters(), weights, strict=True):
            query.copy_(weight)
        trainer.global_step = update
        if update == 0:
            callback.on_fit_start(trainer, method)
            method.weight_changes.on_train_start(trainer, method)
        trainer.fit_loop.epoch_loop.batch_progress.total.ready = update + 1
        callback.on_train_batch_end(trainer, method, None, None, 0)
    return small.weights(callback.encoder)


@on_cpu_and_gpu
def test_bfloat16_keys_are_those_of_float32_after_1000_updates(device: str) -> None:
    for low, exact in zip(followed(torch.bfloat16, device), followed(torch.float32, device), strict=True):
        assert torch.equal(low, exact.bfloat16())


@on_cpu_and_gpu
def test_bfloat16_keys_that_are_averaged_as_they_are_would_freeze(device: str) -> None:
    """Momentum 0.999 moves a weight of 1 by less than its last digit."""
    weights = moving(device)
    start = next(weights)
    keys = [key.clone() for key in start]
    for queries in weights:
        get_ema_multi_avg_fn(0.999)(keys, queries, 0)
    assert share_at(start, keys) > 0.9
    assert share_at(start, followed(torch.bfloat16, device)) < 0.1


def share_at(start: list[Tensor], keys: list[Tensor]) -> float:
    """Of the weights of 0.1 and more, those that are what they were."""
    begun, ended = (torch.cat([weight.flatten() for weight in weights]) for weights in (start, keys))
    large = begun.abs() >= 0.1
    return (begun == ended)[large].float().mean().item()


def test_second_fit_starts_from_the_query_encoder_again() -> None:
    callbacks, method = small.moco_callbacks(), small.moco()
    fit(*callbacks, method=method)
    fit(*callbacks, Moves(0.9), method=method)  # whose on_fit_start compares the two


@on_cpu_and_gpu
@every_precision
def test_state_survives_a_checkpoint_bit_for_bit(precision: str, device: str, tmp_path) -> None:
    callbacks, method = small.moco_callbacks(), small.moco()
    first = trainer(precision, device, *callbacks, max_epochs=2)
    first.fit(method, datamodule=small.data())
    first.save_checkpoint(tmp_path / "run.ckpt")
    saved = callbacks[0].state_dict()
    keys, average = saved["encoder"], saved["average"]
    assert {a.dtype for a in average} == {torch.promote_types(method.dtype, torch.float32)}

    resumed = small.moco_callbacks()

    class Compare(Callback):
        def on_train_start(self, trainer, pl_module) -> None:
            restored = resumed[0].state_dict()
            for name, value in restored["encoder"].items():
                assert torch.equal(value, keys[name]), name
                assert value.dtype == keys[name].dtype
            assert all(map(torch.equal, restored["average"], average))
            assert [a.dtype for a in restored["average"]] == [a.dtype for a in average]
            assert torch.equal(resumed[1].keys, callbacks[1].keys)
            assert resumed[1].pointer == callbacks[1].pointer
            assert resumed[1].enqueued == callbacks[1].enqueued
            self.compared = True

    compare = Compare()
    again = trainer(precision, device, *resumed, compare, max_epochs=3)
    again.fit(small.moco(), datamodule=small.data(), ckpt_path=tmp_path / "run.ckpt", weights_only=True)
    assert compare.compared


def test_resuming_without_the_state_is_refused(tmp_path) -> None:
    begun = small.trainer(*small.moco_callbacks())
    begun.fit(small.moco(), datamodule=small.data())
    begun.save_checkpoint(tmp_path / "run.ckpt")
    content = torch.load(tmp_path / "run.ckpt", weights_only=True)
    del content["callbacks"]["MomentumEncoder"]
    torch.save(content, tmp_path / "run.ckpt")
    with pytest.raises(ValueError, match=r"run.ckpt holds no key encoder.*callbacks.momentum_encoder"):
        small.trainer(*small.moco_callbacks(), max_epochs=2).fit(
            small.moco(), datamodule=small.data(), ckpt_path=tmp_path / "run.ckpt", weights_only=True
        )


@pytest.mark.parametrize("momentum", [-0.1, 1.1])
def test_momentum_outside_0_to_1_is_refused(momentum: float) -> None:
    with pytest.raises(ValueError, match=r"callbacks.momentum_encoder.momentum is .*accepted: 0 to 1"):
        MomentumEncoder(momentum)
