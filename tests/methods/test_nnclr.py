"""NNCLR against the pseudo-code of arXiv 2104.14548, and what its support set is to others."""

import copy
import math
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import Tensor

from cl_lightning import NNCLR, MoCoV2, SimCLR, load_backbone
from cl_lightning.callbacks import HealthMonitor, KNNMonitor, NegativeQueue
from cl_lightning.callbacks.start_report import start_report
from cl_lightning.callbacks.support_set import SupportSet
from cl_lightning.data import ContrastiveData, TensorImages, digits
from cl_lightning.losses import neighbour_nce, nt_xent, sup_con
from cl_lightning.metrics import sphere
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import digit_views
from tests import small

LENGTH, TEMPERATURE = 40, 0.1  # 40 is no multiple of the batch of 16: the set wraps
STEPS = 4


class Trace(Callback):
    """What each step computed: batch, loss, and the support set before and after it."""

    def __init__(self) -> None:
        self.batches: list[Any] = []
        self.losses: list[Tensor] = []
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.batches.append((batch.images.clone(), batch.index.clone(), trainer.current_epoch))
        self.before.append(pl_module.attached(SupportSet).keys.clone())

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, i: int) -> None:
        self.losses.append(outputs["loss"])
        self.after.append(pl_module.attached(SupportSet).keys.clone())


@pytest.fixture(scope="module")
def run() -> Any:
    method = small.nnclr()
    reference = copy.deepcopy(method.encoder).double(), copy.deepcopy(method.predictor).double()
    trace = Trace()
    trainer = small.trainer(SupportSet(LENGTH), trace, precision="64-true")  # traced last
    trainer.fit(method, datamodule=small.data())
    return method, trace, reference


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum() / (a.norm() * b.norm())


def nearest(z: Tensor, support: Tensor) -> Tensor:
    return max(support, key=lambda row: cosine(row, z).item())


def loss_of(z: Tensor, p: Tensor, support: Tensor) -> Tensor:
    """The pseudo-code's L(NN(z), p), term by term."""
    total = torch.zeros((), dtype=torch.float64)
    for i in range(len(z)):
        neighbour = nearest(z[i].detach(), support)
        terms = [torch.exp(cosine(neighbour, p[k]) / TEMPERATURE) for k in range(len(p))]
        total = total - torch.log(terms[i] / sum(terms))
    return total / len(z)


def of_the_paper(encoder: Any, predictor: Any, views: Any, batches: Any) -> Any:
    """Loss and support set of each step."""
    parameters = [*encoder.parameters(), *predictor.parameters()]
    weights, others = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    support = torch.randn(LENGTH, 8, generator=generator, dtype=torch.float64)
    support = support / support.norm(dim=1, keepdim=True)
    pointer = 0
    for step, (images, index, epoch) in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        z = encoder(torch.cat([view.double() for view in views(images, index, epoch)]))
        (z_1, z_2), (p_1, p_2) = z.chunk(2), predictor(z).chunk(2)
        loss = loss_of(z_1, p_2, support) / 2 + loss_of(z_2, p_1, support) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for row in z_1.detach():
            support = support.clone()
            support[pointer] = row / row.norm()
            pointer = (pointer + 1) % LENGTH
        yield loss.detach(), support


def test_the_steps_are_those_of_the_paper(run: Any) -> None:
    method, trace, (encoder, predictor) = run
    steps = list(of_the_paper(encoder, predictor, method.views, trace.batches))
    assert len(steps) == STEPS
    for step, (loss, support) in enumerate(steps):
        torch.testing.assert_close(trace.losses[step], loss, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(trace.after[step], support, rtol=1e-9, atol=1e-9)
    for ours, theirs in ((method.encoder, encoder), (method.predictor, predictor)):
        for name, value in theirs.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-8, atol=1e-9)


def test_no_neighbour_was_made_in_the_step_that_uses_it(run: Any) -> None:
    _, trace, _ = run
    for before, after in zip(trace.before, trace.after, strict=True):
        changed = (before != after).any(1)
        assert changed.sum() == 16
        assert (after[changed] @ before.T).max() < 1 - 1e-9


def test_neighbours_have_no_gradient_and_the_predictor_is_trained(run: Any) -> None:
    support = SupportSet(5)
    support.keys = torch.eye(5)
    assert not support.nearest(torch.randn(3, 5, requires_grad=True)).requires_grad
    method, _, _ = run
    fresh = small.nnclr()
    pairs = zip(small.weights(method.predictor), small.weights(fresh.predictor), strict=True)
    assert all(not torch.allclose(a.float(), b) for a, b in pairs)


@pytest.mark.parametrize("elements", [1, 64, 2**20])
def test_the_nearest_is_that_of_all_similarities_whatever_the_blocks(
    elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sphere, "BLOCK_ELEMENTS", elements)
    support = SupportSet(50)
    support.keys = sphere.normalise(torch.randn(50, 6, generator=torch.Generator().manual_seed(1)))
    z = 7 * torch.randn(9, 6, generator=torch.Generator().manual_seed(2))
    assert torch.equal(support.nearest(z), support.keys[(z @ support.keys.T).argmax(1)])


def test_a_set_in_float32_takes_half_precision() -> None:
    trainer = small.trainer(SupportSet(LENGTH), precision="bf16-mixed")
    trainer.fit(method := small.nnclr(), small.data())
    assert method.attached(SupportSet).keys.dtype is torch.float32
    torch.testing.assert_close(method.attached(SupportSet).keys.norm(dim=1), torch.ones(LENGTH))


# --- what monitors say


class Kept(Callback):
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.lines = start_report(trainer, pl_module)
        self.reach = pl_module.reach


def test_the_start_report_tells_negatives_and_support_set() -> None:
    kept = Kept()
    small.trainer(SupportSet(48), kept, max_epochs=2).fit(small.nnclr(), small.data())
    assert kept.lines["negatives of a query"] == "15, the predictions of the other images in the batch"
    assert kept.lines["support set"] == "48, the embeddings of the last 3 steps"
    assert kept.reach.chance == pytest.approx(math.log(16))


def test_a_healthy_run_is_told_nothing() -> None:
    torch.manual_seed(0)
    backbone = small.SmallConvNet(widths=(16, 32), strides=(2, 2))
    encoder = small.Encoder(backbone, out_features=16, output_batch_norm=True)
    method = NNCLR(
        digit_views(8),
        encoder,
        optimizer=partial(torch.optim.AdamW, lr=1e-2),
        schedule=WarmupCosine(lr_scaling="none"),
        predictor_features=64,
    )
    health, data = HealthMonitor(), ContrastiveData(TensorImages(digits("train").images[:512]), batch_size=32)
    trainer = small.trainer(health, SupportSet(512), max_epochs=6)
    trainer.fit(method, datamodule=data)
    assert health.messages == []
    assert trainer.callback_metrics["train/loss"] < 0.96 * math.log(32)


def test_all_monitors_log_what_they_log_of_simclr() -> None:
    logged = []
    for method in (small.simclr(), small.nnclr()):
        trainer = small.trainer(KNNMonitor(k=4), HealthMonitor(), limit_val_batches=None)
        trainer.fit(method, small.data())
        logged.append(trainer.callback_metrics)
        assert all(value.isfinite() for value in trainer.callback_metrics.values())
    assert logged[0].keys() == logged[1].keys()


# --- what is refused, and what is told


@pytest.mark.parametrize(
    ("kind", "loss", "fitting"),
    [
        (NNCLR, nt_xent, "loss=neighbour_nce"),
        (NNCLR, partial(sup_con, temperature=0.1), "loss=neighbour_nce"),
        (SimCLR, neighbour_nce, "loss=nt_xent"),
        (MoCoV2, sup_con, "loss=info_nce"),
    ],
)
def test_a_loss_of_another_form_is_refused_with_those_that_fit(kind: Any, loss: Any, fitting: str) -> None:
    with pytest.raises(
        ValueError, match=rf"does not take what {kind.__name__} gives it; accepted: {fitting}"
    ):
        kind(loss=loss)


def test_a_class_of_ones_own_says_which_losses_it_takes() -> None:
    class Own(SimCLR):
        losses = (neighbour_nce,)

    assert Own(loss=neighbour_nce).loss is neighbour_nce


@pytest.mark.parametrize(
    ("method", "callback"), [(small.nnclr, NegativeQueue(64)), (small.simclr, SupportSet(64))]
)
def test_what_holds_another_methods_keys_is_refused(method: Any, callback: Any) -> None:
    with pytest.raises(
        ValueError, match=rf"{callback.key} is there, but .* has no {callback.content} for it"
    ):
        small.trainer(callback).fit(method(), small.data())


def test_a_support_set_longer_than_an_epoch_is_told() -> None:
    with pytest.warns(
        UserWarning, match=r"support_set.length is 65, more than the 64 embeddings of an epoch"
    ):
        small.trainer(SupportSet(65)).fit(small.nnclr(), small.data())


# --- checkpoints


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    method, file = small.nnclr(), tmp_path_factory.mktemp("saved") / "last.ckpt"
    trainer = small.trainer(SupportSet(LENGTH))
    trainer.fit(method, small.data())
    trainer.save_checkpoint(file)
    return method, file


def test_a_checkpoint_gives_the_method_back(saved: Any) -> None:
    method, file = saved
    again = NNCLR.load_from_checkpoint(file)
    assert again.predictor_features == 16
    assert again.state_dict().keys() == method.state_dict().keys()
    assert all(torch.equal(again.state_dict()[name], value) for name, value in method.state_dict().items())
    images = torch.randn(2, 3, small.SIZE, small.SIZE)
    assert torch.equal(load_backbone(file)(images), method.eval().encoder.backbone(images))


def test_a_resumed_run_without_the_support_set_is_refused(saved: Any, tmp_path: Path) -> None:
    content = torch.load(saved[1], weights_only=True)
    (own,) = (name for name in content["callbacks"] if name.startswith("SupportSet"))
    del content["callbacks"][own]
    torch.save(content, tmp_path / "x.ckpt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = small.trainer(SupportSet(LENGTH), max_epochs=2)
        with pytest.raises(ValueError, match=r"holds no support set; .* had callbacks\.support_set"):
            trainer.fit(small.nnclr(), small.data(), ckpt_path=tmp_path / "x.ckpt", weights_only=True)


@pytest.mark.parametrize(
    ("length", "features", "told"),
    [
        (48, 16, "callbacks.support_set.length: then 40, now 48"),
        (LENGTH, 32, "predictor_features: then 16, now 32"),
    ],
)
def test_a_resumed_run_with_other_sizes_is_refused(saved: Any, length: int, features: int, told: str) -> None:
    trainer = small.trainer(SupportSet(length), max_epochs=2)
    method = small.nnclr(predictor_features=features)
    with pytest.raises(ValueError, match=told):
        trainer.fit(method, small.data(), ckpt_path=saved[1], weights_only=True)
