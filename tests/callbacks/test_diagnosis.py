"""What goes wrong is told in the epoch in which it happens, and nothing is told of a healthy run."""

import math
import re
import warnings
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn
from torch.nn import functional as F

from cl_lightning import MoCoV2, SimCLR
from cl_lightning.callbacks import FiniteGuard, HealthMonitor, MomentumEncoder, NegativeQueue
from cl_lightning.callbacks.health.diagnosis import Diagnosis
from cl_lightning.callbacks.health.statistics import EpochStatistics
from cl_lightning.data import ContrastiveData, TensorImages, digits
from cl_lightning.encoders import Encoder, SmallConvNet
from cl_lightning.losses import info_nce, nt_xent, reach_of
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import digit_views
from tests import small

ADAM = partial(torch.optim.AdamW, lr=2e-3)
NONE = WarmupCosine(lr_scaling="none")


def digit_data(images: int = 512, batch_size: int = 32) -> ContrastiveData:
    whole = digits("train")
    return ContrastiveData(TensorImages(whole.images[:images]), batch_size=batch_size)


def encoder(**settings: Any) -> Encoder:
    torch.manual_seed(0)
    return Encoder(SmallConvNet(widths=(16, 32), strides=(2, 2)), out_features=16, **settings)


def simclr(**parts: Any) -> SimCLR:
    parts = {"encoder": encoder(), "optimizer": ADAM, "schedule": NONE} | parts
    return SimCLR(views=digit_views(8), **parts)


def moco(**parts: Any) -> MoCoV2:
    parts = {"encoder": encoder(batch_norm="sync"), "optimizer": ADAM, "schedule": NONE} | parts
    return MoCoV2(views=digit_views(8), **parts)


def told(method: Any, *callbacks: Any, max_epochs: int = 4, data: Any = None) -> list[tuple[int, str]]:
    """Epoch and text of all messages of a run; each was one warning."""
    health = HealthMonitor()
    trainer = small.trainer(health, *callbacks, max_epochs=max_epochs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(method, datamodule=data or digit_data())
    texts = [str(w.message) for w in caught if str(w.message).startswith("epoch ")]
    assert texts == [f"epoch {m['epoch'] + 1}: {m['message']}" for m in health.messages]
    return [(m["epoch"], m["message"]) for m in health.messages]


class Constant(nn.Module):
    """Features of an image that do not depend on it."""

    features = 8

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.new_ones(len(images), 8)


@pytest.mark.parametrize("kind", [simclr, moco])
@pytest.mark.parametrize("norm", [True, False])
def test_an_encoder_that_tells_nothing_apart_is_told_in_the_first_epoch(kind: Any, norm: bool) -> None:
    parts = Encoder(Constant(), out_features=16, projector_batch_norm=norm, batch_norm="sync")
    callbacks = [MomentumEncoder(0.9), NegativeQueue(128)] if kind is moco else []
    ((epoch, text),) = told(kind(encoder=parts), *callbacks, max_epochs=2)
    assert epoch == 0
    assert "collapsed towards one point: embedding_std is" in text
    assert "0.25" in text  # 1 / sqrt(16)
    for key in ("optimizer.lr", "encoder.batch_norm"):
        assert key in text


def attraction(z_a: torch.Tensor, z_b: torch.Tensor) -> torch.Tensor:
    """A loss without negatives."""
    return 1 - F.normalize(z_a.roll(1, 0)).mul(F.normalize(z_b)).sum(1).mean()


def test_a_collapse_is_told_in_the_epoch_in_which_it_happens() -> None:
    class Spreads(Callback):
        def __init__(self) -> None:
            self.spreads: list[float] = []

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, i: int) -> None:
            self.last = [*(self.last if i else []), outputs["z_a"]]

        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
            self.spreads.append(F.normalize(torch.cat(self.last[-2:])).var(0, unbiased=False).sum().item())

    seen, slow = Spreads(), partial(torch.optim.AdamW, lr=1e-3)
    method = simclr(loss=attraction, optimizer=slow, encoder=encoder(projector_batch_norm=False))
    ((epoch, text),) = told(method, seen, max_epochs=6)
    assert 0 < epoch == next(e for e, spread in enumerate(seen.spreads) if spread < 0.01)
    assert "collapsed towards one point" in text


def angle(z_a: torch.Tensor, z_b: torch.Tensor) -> torch.Tensor:
    return 1 - F.cosine_similarity(z_a, z_b).mean()


def test_a_collapse_is_told_once_though_its_spread_wavers() -> None:
    method = small.simclr(loss=angle, optimizer=partial(torch.optim.AdamW, lr=1e-2))
    ((_, text),) = told(method, max_epochs=20, data=small.data(256, 32))
    assert "collapsed towards one point" in text


class TrainedConstant(nn.Module):
    """Features of an image that do not depend on it, though they are trained."""

    features = 16

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 16, 3)
        self.constant = nn.Parameter(torch.ones(16))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.convolution(images).mean((2, 3)) * 0 + self.constant


@pytest.mark.parametrize("loss", [nt_xent, F.mse_loss, info_nce])
@pytest.mark.parametrize("norm", [True, False])
def test_a_constant_encoder_is_told_once_as_a_collapse_alone(loss: Any, norm: bool) -> None:
    torch.manual_seed(0)
    parts: dict[str, Any] = {"optimizer": partial(torch.optim.AdamW, lr=1e-3)}
    parts["encoder"] = Encoder(
        TrainedConstant(), hidden_features=16, out_features=8, projector_batch_norm=norm, batch_norm="sync"
    )
    callbacks = small.moco_callbacks(length=128) if loss is info_nce else []
    method: Any = small.moco(**parts) if callbacks else small.simclr(loss=loss, **parts)
    ((_, text),) = told(method, *callbacks, max_epochs=4, data=small.data(256, 32))
    assert "collapsed towards one point" in text


class OneDirection(nn.Module):
    """A matrix of rank 1 in the place of a matrix."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return torch.outer(weight[:, 0], weight[0])


def test_embeddings_on_one_line_are_told_as_a_low_rank() -> None:
    line = encoder(projector_batch_norm=True)
    last = [m for m in line.projector.modules() if isinstance(m, nn.Linear)][-1]
    nn.utils.parametrize.register_parametrization(last, "weight", OneDirection())
    messages = told(simclr(encoder=line), max_epochs=2)
    assert messages[0][0] == 0
    assert re.search(r"low rank: around their mean they use 1(\.\d)? of 16 directions", messages[0][1])


@pytest.mark.parametrize(("momentum", "lr", "stale"), [(0.0, 2e-2, True), (0.99, 2e-3, False)])
def test_a_queue_that_no_longer_resembles_the_keys_is_told(momentum: float, lr: float, stale: bool) -> None:
    callbacks = [MomentumEncoder(momentum), NegativeQueue(384)]
    method = moco(optimizer=partial(torch.optim.AdamW, lr=lr))
    messages = [m for m in told(method, *callbacks) if "queue no longer resembles the keys" in m[1]]
    assert [epoch for epoch, _ in messages] == ([0] if stale else [])
    for _, text in messages:
        assert "callbacks.momentum_encoder.momentum" in text
        assert "callbacks.negative_queue.length" in text


@pytest.mark.parametrize("kind", [simclr, moco])
def test_a_temperature_at_which_the_loss_cannot_fall_is_told_at_once(kind: Any) -> None:
    loss = partial(nt_xent if kind is simclr else info_nce, temperature=100)
    callbacks = [MomentumEncoder(0.9), NegativeQueue(128)] if kind is moco else []
    messages = told(kind(loss=loss), *callbacks, max_epochs=2)
    candidates = 129 if kind is moco else 63
    assert [epoch for epoch, text in messages if "cannot fall" in text] == [0]
    assert f"guessing among {candidates} candidates has {math.log(candidates):.4g}" in messages[0][1]
    assert "loss.temperature" in messages[0][1]


def test_a_learning_rate_that_moves_nothing_is_told() -> None:
    slow = partial(torch.optim.AdamW, lr=1e-9)
    ((epoch, text),) = told(simclr(optimizer=slow), max_epochs=3)
    assert epoch == 0
    assert "does not fall: at learning rate 1e-09" in text
    assert "larger optimizer.lr" in text


def test_a_warm_up_that_moves_nothing_yet_is_waited_for() -> None:
    schedule = WarmupCosine(warmup_epochs=2, lr_scaling="none")
    messages = told(simclr(optimizer=partial(torch.optim.AdamW, lr=1e-9), schedule=schedule), max_epochs=4)
    assert [epoch for epoch, _ in messages] == [2]


def test_a_learning_rate_that_undoes_what_was_learnt_is_told_in_that_epoch() -> None:
    class Raise(Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, i: int) -> None:
            if trainer.current_epoch >= 3:
                trainer.optimizers[0].param_groups[0]["lr"] = 30.0

    messages = told(simclr(), Raise(), max_epochs=5)
    assert messages[0][0] == 3
    assert "optimizer.lr" in messages[0][1]


@pytest.mark.parametrize("lr", [30.0, 1e30])
def test_a_learning_rate_that_is_too_high_from_the_start_is_told_in_the_first_epoch(lr: float) -> None:
    method = simclr(optimizer=partial(torch.optim.SGD, lr=lr))
    unguarded = [
        c for c in method.default_callbacks if not isinstance(c, FiniteGuard)
    ]  # it would stop at 1e30
    method.default_callbacks = unguarded
    messages = told(method, max_epochs=2)
    assert messages[0][0] == 0
    assert "smaller optimizer.lr" in messages[0][1]
    assert ("the loss is nan" in messages[0][1]) is (lr == 1e30)


@pytest.mark.parametrize("batch_size", [4, 32, 128])
@pytest.mark.parametrize("warmup_epochs", [0, 2])
def test_nothing_is_told_of_a_healthy_simclr(batch_size: int, warmup_epochs: int) -> None:
    method = simclr(schedule=WarmupCosine(warmup_epochs=warmup_epochs, lr_scaling="none"))
    assert told(method, data=digit_data(64 if batch_size == 4 else 256, batch_size)) == []


@pytest.mark.parametrize("batch_size", [4, 32, 128])
@pytest.mark.parametrize("symmetric", [False, True])
def test_nothing_is_told_of_a_healthy_moco(batch_size: int, symmetric: bool) -> None:
    images, length = (64, 64) if batch_size == 4 else (512, 256)
    callbacks = [MomentumEncoder(0.99), NegativeQueue(length)]
    assert told(moco(symmetric=symmetric), *callbacks, data=digit_data(images, batch_size)) == []


@pytest.mark.parametrize("batch_norm", [True, False])
def test_nothing_is_told_with_a_loss_of_ones_own(batch_norm: bool) -> None:
    def own(z_a: torch.Tensor, z_b: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(F.normalize(z_a) @ F.normalize(z_b).T / 0.2, torch.arange(len(z_a)))

    assert told(simclr(loss=own, encoder=encoder(projector_batch_norm=batch_norm))) == []


HEALTHY = EpochStatistics(
    dim=64,
    steps=1000,
    loss=3.0,
    lowest_loss=3.2,
    first_loss=5.0,
    lr=0.1,
    warming_up=False,
    rows=64,
    spread=0.9,
    rank=20.0,
    embedding_std=0.12,
    first_spread=0.9,
    first_rank=20.0,
    moved=0.5,
    reach=0.9,
    negatives=254,
)


class Queue(NegativeQueue):
    """One as stale as is said."""

    def __init__(self, measured: float | None) -> None:
        super().__init__(8)
        self.measured = measured

    def staleness(self) -> float | None:
        return self.measured


def told_in(diagnosis: Diagnosis, epoch: int, changes: dict[str, Any]) -> list[str]:
    """What is new in an epoch of NT-Xent that is healthy but for these changes."""
    changes = {"temperature": 0.2, "staleness": 1.2} | changes
    temperature, staleness = changes.pop("temperature"), changes.pop("staleness")
    known = replace(HEALTHY, **changes)
    if known.negatives is not None:
        reach = reach_of(partial(nt_xent, temperature=temperature), known.negatives)
        assert reach is not None
        known = replace(known, chance=reach.chance, best=reach.best)
    return diagnosis.of(epoch, known, [Queue(staleness)])


def texts(**changes: Any) -> list[str]:
    return told_in(Diagnosis(), 0, changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": math.nan}, "the loss is nan"),
        ({"loss": math.inf}, "the loss is inf"),
        ({"spread": 0.009}, "one point"),
        ({"rank": 1.4}, "low rank"),
        ({"rank": 2.5, "dim": 128}, "low rank"),
        ({"temperature": 10.0}, "cannot fall"),
        ({"loss": 5.5, "lowest_loss": 4.9}, "though it was 4.9"),
        ({"loss": 5.5, "lowest_loss": 5.4, "moved": 4.0}, "moved 4 times its length"),
        ({"loss": 5.0, "reach": 0.009}, "does not fall"),
        ({"staleness": 3.1}, "queue no longer resembles"),
    ],
)
def test_each_condition_is_told_by_itself(changes: dict[str, Any], words: str) -> None:
    (text,) = texts(**changes)
    assert words in text


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"spread": 0.009, "steps": 9},
        {"spread": 0.009, "rows": 7},
        {"spread": 0.009, "first_spread": 0.005},  # it recovers
        {"rank": 1.4, "first_rank": 1.2},
        {"spread": 0.009, "first_spread": 0.005, "rank": 1.4, "loss": 5.0, "reach": 0.009},
        {"spread": 0.009, "loss": 5.0, "reach": 0.0, "lr": 0.0},  # nothing is trained, on purpose
        {"rank": 1.4, "dim": 3},
        {"temperature": 1.0},
        {"negatives": None, "loss": 5.5, "lowest_loss": 1.0, "moved": 9.0},
        {"loss": 5.5, "lowest_loss": 5.2},
        {"loss": 5.0, "reach": 0.009, "warming_up": True},
        {"loss": 4.9, "reach": 0.009},  # slowly, but it falls
        {"staleness": None},
        {"staleness": 2.9},
    ],
)
def test_nothing_is_told_short_of_a_condition(changes: dict[str, Any]) -> None:
    assert texts(**changes) == []


def test_a_condition_is_told_once_and_again_after_it_had_gone() -> None:
    diagnosis = Diagnosis()
    gone = {2, 5}
    for epoch in range(7):
        told_in(diagnosis, epoch, {} if epoch in gone else {"staleness": 9.0})
    assert [message["epoch"] for message in diagnosis.messages] == [0, 3, 6]


@pytest.mark.parametrize(
    ("holds", "wavers", "gone"),
    [
        ({"spread": 0.009}, {"spread": 0.049, "first_spread": 0.01}, {"spread": 0.051}),
        ({"rank": 1.4}, {"rank": 2.2, "first_rank": 1.4}, {"rank": 2.3}),
        ({"loss": 5.5, "lowest_loss": 4.9}, {"loss": 5.0, "lowest_loss": 4.9}, {"loss": 4.9}),
        ({"loss": 5.5, "moved": 4.0}, {"loss": 5.0, "moved": 0.1}, {"loss": 4.9}),
        ({"loss": 5.0, "reach": 0.009}, {"loss": 4.8, "reach": 0.019}, {"loss": 4.7, "reach": 0.009}),
        ({"loss": 5.0, "reach": 0.009}, {"loss": 4.8, "reach": 0.019}, {"loss": 5.0, "reach": 0.021}),
        ({"staleness": 3.1}, {"staleness": 2.1}, {"staleness": 1.9}),
    ],
)
def test_a_condition_that_was_told_ends_when_it_is_clearly_gone(
    holds: dict[str, Any], wavers: dict[str, Any], gone: dict[str, Any]
) -> None:
    diagnosis = Diagnosis()
    for epoch, changes in enumerate([wavers, holds, wavers, holds, gone, holds]):
        told_in(diagnosis, epoch, changes)
    assert [message["epoch"] for message in diagnosis.messages] == [1, 5]


def test_after_a_collapse_nothing_milder_is_told() -> None:
    diagnosis = Diagnosis()
    milder: dict[str, Any] = {"spread": 0.04, "first_spread": 0.01, "rank": 1.2, "loss": 5.0, "reach": 0.0}
    for epoch, changes in enumerate([{"spread": 0.001}, milder, milder | {"spread": 0.001}]):
        told_in(diagnosis, epoch, changes)
    assert [message["epoch"] for message in diagnosis.messages] == [0]


def test_a_loss_below_zero_that_falls_is_not_told() -> None:
    assert texts(loss=-5.2, first_loss=-5.0, reach=0.009) == []
    assert "does not fall" in texts(loss=-5.0, first_loss=-5.0, reach=0.009)[0]


def test_what_a_worse_condition_hid_meanwhile_is_not_told_twice() -> None:
    diagnosis, low = Diagnosis(), {"rank": 1.2}
    for epoch, changes in enumerate([low, {"rank": 1.2, "spread": 0.001}, low, {}, low]):
        told_in(diagnosis, epoch, changes)
    assert [message["epoch"] for message in diagnosis.messages] == [0, 1, 4]


def test_a_collapse_explains_a_stale_queue() -> None:
    (text,) = texts(spread=0.001, staleness=9.0)
    assert "one point" in text


def test_a_resumed_run_keeps_its_messages_and_does_not_tell_them_again(tmp_path: Any) -> None:
    def hot() -> Any:
        return simclr(loss=partial(nt_xent, temperature=100))

    first, resumed = HealthMonitor(), HealthMonitor()
    trainer = small.trainer(first, max_epochs=1)
    with pytest.warns(UserWarning, match="epoch 1: the loss is .* cannot fall"):
        trainer.fit(hot(), datamodule=digit_data())
    trainer.save_checkpoint(tmp_path / "run.ckpt")
    again = small.trainer(resumed, max_epochs=3)
    again.fit(hot(), datamodule=digit_data(), ckpt_path=tmp_path / "run.ckpt", weights_only=True)
    assert resumed.messages == first.messages
    assert [message["epoch"] for message in first.messages] == [0]
    assert set(resumed.spectra["train"]) == {0, 2}


def test_a_second_fit_tells_anew() -> None:
    health = HealthMonitor()
    for _ in range(2):
        with pytest.warns(UserWarning, match="cannot fall"):
            small.trainer(health).fit(simclr(loss=partial(nt_xent, temperature=100)), datamodule=digit_data())
        assert len(health.messages) == 1
