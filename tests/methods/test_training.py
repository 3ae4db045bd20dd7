"""SimCLR and MoCo v2 in a Trainer."""

import copy
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback
from torch.nn import functional as F

from cl_lightning import MoCoV2, SimCLR
from cl_lightning.callbacks import HealthMonitor, KNNMonitor, MomentumEncoder, NegativeQueue
from cl_lightning.data import EpochOrder
from cl_lightning.losses import nt_xent
from tests import small


def fit(method, *callbacks, data=None, **settings):
    trainer = small.trainer(*callbacks, **settings)
    trainer.fit(method, datamodule=data or small.data())
    return trainer


def test_simclr_steps_are_those_of_the_paper() -> None:
    """Two epochs in float64 against a plain loop: both views in one forward, matrix of 2N x 2N."""
    method = small.simclr(loss=partial(nt_xent, temperature=0.2))
    reference, data = copy.deepcopy(method.encoder).double(), small.data()
    groups = [
        {"params": [p for p in reference.parameters() if p.ndim > 1], "weight_decay": 1e-4},
        {"params": [p for p in reference.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
    order = EpochOrder(64, 16, seed=0)
    for epoch in range(2):
        order.set_epoch(epoch)
        for index in order.batches():
            a, b = (view.double() for view in method.views(data.train.images[index], index, epoch))
            z = F.normalize(reference(torch.stack([a, b], 1).flatten(0, 1)), dim=1)
            similarity = (z @ z.T / 0.2).masked_fill(torch.eye(32, dtype=torch.bool), -torch.inf)
            partner = torch.arange(32) ^ 1
            optimizer.zero_grad()
            F.cross_entropy(similarity, partner).backward()
            optimizer.step()
            schedule.step()
    fit(method, data=data, max_epochs=2, precision="64-true")
    for ours, theirs in zip(
        method.encoder.state_dict().values(), reference.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


class Losses(Callback):
    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.steps.append(outputs["loss"])


@pytest.mark.parametrize("make", [small.simclr, small.moco])
def test_loss_falls_and_training_repeats_to_the_bit(make) -> None:
    runs = []
    for _ in range(2):
        record, method = Losses(), make()
        fit(method, *callbacks(make), record, max_epochs=30)
        runs.append((torch.stack(record.steps), small.weights(method)))
    epochs = runs[0][0].view(30, 4).mean(1)
    assert epochs[-1] < epochs.max() - 0.1  # MoCo's rises first, while keys replace random negatives
    assert torch.equal(runs[0][0], runs[1][0])
    assert all(torch.equal(a, b) for a, b in zip(runs[0][1], runs[1][1], strict=True))


def callbacks(make):
    return small.moco_callbacks() if make is small.moco else []


def test_moco_brings_its_callbacks_along() -> None:
    method = small.moco()
    with pytest.warns(UserWarning, match="more than the 64 keys of an epoch"):
        trainer = fit(method)
    kinds = [type(callback) for callback in trainer.callbacks]
    for kind in (MomentumEncoder, NegativeQueue, HealthMonitor, KNNMonitor):
        assert kinds.count(kind) == 1
    assert method.attached(MomentumEncoder).momentum == 0.999
    assert method.attached(NegativeQueue).length == 65536


def test_callbacks_given_to_the_trainer_win_and_are_the_same_ever_after() -> None:
    method, given = small.moco(), [*small.moco_callbacks(), KNNMonitor(k=5)]
    trainer = fit(method, *given, limit_val_batches=1.0)
    assert method.attached(MomentumEncoder) is given[0]
    assert method.attached(NegativeQueue) is given[1]
    attached = list(trainer.callbacks)
    keys = given[1].keys.clone()
    trainer.validate(method, datamodule=small.data(), verbose=False)
    assert trainer.callbacks == attached
    assert torch.equal(given[1].keys, keys)


@pytest.mark.parametrize("policy", ["shuffle", "split"])
def test_shuffled_batch_norm_hides_which_images_share_a_group(policy: str) -> None:
    """Changing another image of the query's group changes its key only where both share the key's group."""
    method = small.moco(policy, groups=2)
    fit(method, *small.moco_callbacks())
    images = torch.randn(16, 3, small.SIZE, small.SIZE)
    changed = images.clone()
    changed[1] += 1.0  # in the group of image 0, which holds the first 8
    affected, together = [], []
    for number in range(12):
        before, after = method.encode_keys(images, number), method.encode_keys(changed, number)
        affected.append(not torch.allclose(before[0], after[0], atol=1e-6))
        if policy == "shuffle":
            from cl_lightning.distributed import permutation

            place = permutation(16, method.seed, method.current_epoch, number).argsort()
            together.append(bool(place[0] // 8 == place[1] // 8))
    if policy == "split":
        assert all(affected)
    else:
        assert affected == together
        assert 0 < sum(affected) < len(affected)


@pytest.mark.parametrize("make", [small.simclr, small.moco])
@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_every_precision_of_a_cpu_trains(make, precision: str) -> None:
    trainer = fit(make(), *callbacks(make), precision=precision, max_epochs=2)
    assert torch.isfinite(trainer.callback_metrics["train/loss"])


def test_views_are_computed_in_float32_under_autocast() -> None:
    seen = []
    method = small.simclr()
    views = method.views

    class Recorder:
        size, crops = views.size, False

        def __call__(self, images, index, epoch):
            seen.append(torch.is_autocast_enabled("cpu"))
            return views(images, index, epoch)

    method.views = Recorder()
    fit(method, precision="bf16-mixed")
    assert seen == [False] * 4


def test_shuffle_in_simclr_warns_that_it_is_split() -> None:
    with pytest.warns(UserWarning, match="shuffle has the effect of split in SimCLR"):
        small.simclr("shuffle", groups=2)


def test_own_loss_and_own_optimizer_are_used() -> None:
    calls = []

    def loss(z_a, z_b):
        calls.append(z_a.shape)
        return (z_a - z_b).square().mean()

    trainer = fit(small.simclr(loss=loss, optimizer=partial(torch.optim.AdamW, lr=1e-3)))
    assert calls == [(16, 8)] * 4
    assert isinstance(trainer.optimizers[0], torch.optim.AdamW)


def test_repr_shows_the_three_choices() -> None:
    text = repr(small.moco())
    assert text.startswith("MoCoV2(\n  pairs:   ")
    made = "SmallConvNet(widths=[8, 16], strides=[2, 2], channels=3)"
    assert f"encoder: {made}, 16 features, 8 embedded, batch norm sync" in text
    assert "loss:    info_nce(temperature=0.2)" in text


def test_defaults_are_the_papers() -> None:
    simclr, moco = SimCLR(), MoCoV2()
    assert "nt_xent(temperature=0.1)" in repr(simclr)
    assert "info_nce(temperature=0.2)" in repr(moco)
    assert moco.encoder.batch_norm == "shuffle"
    assert moco.encoder.batch_norm_groups == 8
    assert not moco.symmetric


def test_a_module_is_saved_before_it_was_fitted() -> None:
    assert [callback.state_dict() for callback in small.moco_callbacks()] == [{}, {}]


def test_batch_norm_that_the_trainer_replaced_is_refused() -> None:
    """As sync_batchnorm=True does; on a CPU DDP itself refuses the layers."""
    method = small.simclr("split", groups=2)
    method.encoder = torch.nn.SyncBatchNorm.convert_sync_batchnorm(method.encoder)
    with pytest.raises(ValueError, match=r"sync_batchnorm=True replaces .*; accepted: sync_batchnorm=False"):
        fit(method)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"method.seed is -1; accepted: a whole number from 0"):
        small.moco(seed=-1)
