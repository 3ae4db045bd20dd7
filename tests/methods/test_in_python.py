"""Without Hydra: a user's own parts, a second fit, an interrupted one."""

import gc
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from cl_lightning import MoCoV2, SimCLR
from cl_lightning.callbacks import HealthMonitor, KNNMonitor, MomentumEncoder, NegativeQueue
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.encoders import Encoder, ResNet, SmallConvNet
from cl_lightning.losses import nt_xent
from cl_lightning.methods.part_checks import check_parts
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views
from tests import small
from tests.processes import workers

KINDS = {"simclr": small.simclr, "moco_v2": small.moco, "nnclr": small.nnclr}


def test_every_default_of_moco_v2_trains_as_it_stands(tmp_path: Path) -> None:
    data = ContrastiveData(train=synthetic(images=16), val=synthetic("val", images=4), batch_size=16)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    with (
        pytest.warns(UserWarning, match=r"negative_queue.length is 65536, more than the 16 keys of an epoch"),
        pytest.warns(UserWarning, match=r"k = 200 neighbours are asked of a bank of 16"),
    ):
        trainer.fit(MoCoV2(), data)
    kinds = [type(callback) for callback in trainer.callbacks]  # type: ignore[attr-defined]
    assert {HealthMonitor, KNNMonitor, MomentumEncoder, NegativeQueue} <= set(kinds)
    assert trainer.callback_metrics["train/loss"].isfinite()
    assert "val/knn_top1" in trainer.callback_metrics
    (checkpoint,) = tmp_path.rglob("*.ckpt")
    assert MoCoV2.load_from_checkpoint(checkpoint).encoder.features == 512


class Photos(Dataset[Any]):
    """A user's own map-style set: arrays [H, W, C], with labels or without."""

    def __init__(self, count: int, labels: bool) -> None:
        self.images = torch.randint(256, (count, 8, 8, 3), dtype=torch.uint8).numpy()
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return (self.images[index], index % 2) if self.labels else self.images[index]


class OwnBackbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).relu().mean((2, 3))


def own_views(images: torch.Tensor, index: torch.Tensor, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = images.float() / 255
    return pixels, pixels.flip(-1)


@pytest.mark.parametrize("kind", [SimCLR, MoCoV2])
def test_own_backbone_loss_views_and_optimizer_train_together(kind: type[Any]) -> None:
    calls = []

    def loss(z_a: torch.Tensor, z_b: torch.Tensor, *negatives: torch.Tensor) -> torch.Tensor:
        calls.append([len(z) for z in (z_a, z_b, *negatives)])
        return (z_a - z_b).square().sum(1).mean()

    settings = {} if kind is SimCLR else {"symmetric": True}
    method = kind(
        views=own_views,
        encoder=Encoder(OwnBackbone(), features=6, out_features=4),
        loss=loss,
        optimizer=partial(torch.optim.RMSprop, lr=1e-2),
        schedule=WarmupCosine(),
        **settings,
    )
    trainer = small.trainer(*([] if kind is SimCLR else small.moco_callbacks()), max_epochs=3)
    before = small.weights(method.encoder.backbone)
    trainer.fit(method, ContrastiveData(Photos(32, labels=False), batch_size=16))
    assert calls == [[16, 16]] * 6 if kind is SimCLR else calls == [[16, 16, 40]] * 12
    assert type(trainer.optimizers[0]) is torch.optim.RMSprop
    assert not torch.equal(before[0], small.weights(method.encoder.backbone)[0])


def test_own_views_get_images_index_and_epoch_and_their_pixels_reach_the_encoder() -> None:
    seen, embedded = [], []

    def views(images: torch.Tensor, index: torch.Tensor, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append((images, index, epoch))
        return own_views(images, index, epoch)

    class Seeing(OwnBackbone):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            embedded.append(x.detach())
            return super().forward(x)

    method = small.simclr(encoder=Encoder(Seeing(), features=6))
    method.views = views
    data = small.data()
    small.trainer(max_epochs=2).fit(method, data)
    assert [epoch for *_, epoch in seen] == [0] * 4 + [1] * 4
    for (images, index, _), x in zip(seen, embedded, strict=True):
        assert torch.equal(images, data.train.images[index])
        assert torch.equal(x[0::2], images / 255)
        assert torch.equal(x[1::2], (images / 255).flip(-1))


def test_own_views_may_be_a_module_of_torchvisions_transforms() -> None:
    class Flips(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transform = v2.Compose([v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True)])

        def forward(self, images: torch.Tensor, index: torch.Tensor, epoch: int) -> Any:
            return self.transform(images), self.transform(images)

        def clean(self, images: torch.Tensor) -> torch.Tensor:
            return images.float() / 255

    method = small.simclr()
    method.views = Flips()
    trainer = small.trainer(KNNMonitor(k=4), limit_val_batches=None)
    trainer.fit(method, small.data())
    assert 0 <= trainer.callback_metrics["val/knn_top1"] <= 1


def test_evaluation_says_that_own_views_have_no_clean_image() -> None:
    method = small.simclr()
    method.views = own_views
    with pytest.warns(UserWarning, match=r"views have no method `clean\(images\)`: evaluation sees"):
        small.trainer(KNNMonitor(k=4), limit_val_batches=None).fit(method, small.data())


def test_the_repr_shows_the_three_choices_of_own_parts_too() -> None:
    method = small.simclr(loss=nn.MSELoss(), encoder=Encoder(OwnBackbone(), features=6, out_features=4))
    method.views = own_views
    lines = repr(method).splitlines()
    assert lines[0] == "SimCLR("
    assert [line.split(":")[0].strip() for line in lines[1:-1]] == ["pairs", "encoder", "loss"]
    assert "own_views" in lines[1]
    assert "OwnBackbone, 6 features, 4 embedded" in lines[2]
    assert "MSELoss()" in lines[3]


def test_the_repr_tells_networks_of_one_class_apart() -> None:
    said = [repr(small.simclr(encoder=Encoder(ResNet(depth)))) for depth in (18, 34)]
    assert "encoder: ResNet(depth=18, stem=imagenet, channels=3), 512 features" in said[0]
    assert "encoder: ResNet(depth=34" in said[1]


def test_the_repr_shows_a_call_of_a_call_and_of_an_object() -> None:
    assert "loss:    nt_xent(temperature=0.3)" in repr(small.simclr(loss=partial(nt_xent, temperature=0.3)))
    assert "loss:    MSELoss()(weight=2)" in repr(small.simclr(loss=partial(nn.MSELoss(), weight=2)))


def test_a_loss_with_weights_of_its_own_is_trained_and_saved(tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, z_a: torch.Tensor, z_b: torch.Tensor) -> torch.Tensor:
            return (self.scale * (z_a - z_b).square()).mean()

    trainer = small.trainer()
    method = small.simclr(loss=Scaled())
    trainer.fit(method, small.data())
    assert method.loss.scale < 2
    trainer.save_checkpoint(tmp_path / "x.ckpt", weights_only=False)
    again = SimCLR.load_from_checkpoint(tmp_path / "x.ckpt", loss=Scaled())
    assert again.loss.scale == method.loss.scale


def test_parts_in_another_form_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"encoder is a OwnBackbone; accepted: .*Encoder\(backbone, features="
    ):
        check_parts(own_views, OwnBackbone(), nt_xent, small.sgd)
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    with pytest.raises(ValueError, match=r"optimizer is a SGD that has its parameters; accepted: .*partial"):
        check_parts(own_views, small.encoder(), nt_xent, optimizer)


def test_other_loaders_are_refused() -> None:
    loader = DataLoader(synthetic(images=16, size=8))
    with pytest.raises(ValueError, match=r"no ContrastiveData; accepted: Trainer.fit\(method, Contrast"):
        small.trainer().fit(small.simclr(), loader, loader)


def fitted(method: Any, *callbacks: Any, **settings: Any) -> Trainer:
    """Trained for two epochs with evaluation."""
    settings = {"max_epochs": 2, "limit_val_batches": None, "limit_train_batches": None} | settings
    own = [] if not isinstance(method, MoCoV2) else small.moco_callbacks()
    trainer = small.trainer(*own, KNNMonitor(k=4), *callbacks, **settings)
    trainer.fit(method, small.data())
    return trainer


def results(method: Any, trainer: Trainer) -> dict[str, torch.Tensor]:
    numbers = {name: value for name, value in trainer.callback_metrics.items() if "second" not in name}
    return numbers | method.state_dict()


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_fit_in_the_same_process_is_a_first_one(kind: str) -> None:
    first = KINDS[kind]()
    expected = results(first, fitted(first))
    second = KINDS[kind]()
    found = results(second, fitted(second))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_the_same_method_fitted_again_starts_with_a_new_queue_and_key_encoder() -> None:
    class Start(Callback):
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            keys, queries = pl_module.attached(MomentumEncoder).encoder, pl_module.encoder
            self.alike = all(map(torch.equal, small.weights(keys), small.weights(queries)))
            self.queue = pl_module.attached(NegativeQueue).keys.clone()

    method, starts = small.moco(), [Start(), Start()]
    callbacks = small.moco_callbacks()
    for start in starts:
        trainer = small.trainer(start, *callbacks)
        trainer.fit(method, small.data())
        assert start.alike
        assert callbacks[1].enqueued == 64
    assert torch.equal(starts[0].queue, starts[1].queue)


def test_a_trainer_of_moco_refuses_simclr() -> None:
    trainer = small.trainer(*small.moco_callbacks())
    trainer.fit(small.moco(), small.data())
    with pytest.raises(ValueError, match=r"SimCLR has no keys for it; accepted: .* a Trainer of its own"):
        trainer.fit(small.simclr(), small.data())


def test_a_run_ends_by_steps_alone_or_is_refused() -> None:
    trainer = small.trainer(max_epochs=-1, max_steps=3)
    trainer.fit(small.simclr(schedule=WarmupCosine(warmup_epochs=0.5)), small.data())
    assert trainer.global_step == 3
    with pytest.raises(ValueError, match=r"the run has no end, .*accepted: trainer.max_epochs or"):
        small.trainer(max_epochs=-1, max_time={"seconds": 1}).fit(small.simclr(), small.data())


def test_lightnings_fast_dev_run_needs_no_warm_up() -> None:
    trainer = small.trainer(KNNMonitor(k=4), fast_dev_run=True)
    trainer.fit(small.simclr(schedule=WarmupCosine(warmup_epochs=10)), small.data())
    assert trainer.global_step == 1


def test_one_data_module_serves_a_second_trainer() -> None:
    data, epochs = small.data(), []
    for batch_limit in (None, 2):
        trainer = small.trainer(limit_train_batches=batch_limit)
        trainer.fit(small.simclr(), data)
        epochs.append(trainer.global_step)
    assert epochs == [4, 2]


class InterruptAfter(Callback):
    """Ctrl-C, as the terminal or Jupyter sends it."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.step:
            signal.raise_signal(signal.SIGINT)


class WeightsAfter(InterruptAfter):
    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == self.step:
            self.weights = small.weights(pl_module.encoder)


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_method_is_that_of_its_last_step_and_can_be_used(kind: str, tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    whole, recorder = KINDS[kind](), WeightsAfter(3)
    fitted(whole, recorder)
    method = KINDS[kind]()
    with pytest.raises(SystemExit):
        fitted(method, InterruptAfter(3))
    assert signal.getsignal(signal.SIGINT) is handler  # the next interrupt works too
    for found, expected in zip(small.weights(method.encoder), recorder.weights, strict=True):
        assert torch.equal(found, expected)
    method.eval()
    images = method.views.clean(synthetic(images=4, size=8).images)
    assert method.encoder(images).isfinite().all()
    method.trainer.save_checkpoint(tmp_path / "x.ckpt", weights_only=False)
    again = type(method).load_from_checkpoint(tmp_path / "x.ckpt").eval()
    assert torch.equal(again.encoder(images), method.encoder(images))


def test_an_interrupted_fit_lets_its_workers_go() -> None:
    data = ContrastiveData(Photos(32, labels=False), batch_size=16, num_workers=2)
    with pytest.raises(SystemExit):
        small.trainer(InterruptAfter(1), max_epochs=2).fit(small.simclr(), data)
    gc.collect()
    assert workers() == []


def test_a_fit_after_an_interrupted_one_starts_clean() -> None:
    method = small.moco()
    with pytest.raises(SystemExit):
        fitted(method, InterruptAfter(3))
    trainer = fitted(method)
    assert trainer.global_step == 8
    assert method.attached(NegativeQueue).enqueued == 8 * 16


def test_a_backbone_of_torchvision_is_a_backbone_of_ones_own() -> None:
    from torchvision.models import mobilenet_v3_small

    backbone = mobilenet_v3_small(weights=None)
    backbone.classifier = nn.Identity()
    method = SimCLR(views=moco_v2_views(32), encoder=Encoder(backbone, features=576), optimizer=small.sgd)
    assert method.encoder(torch.rand(2, 3, 32, 32)).shape == (2, 128)
    assert SmallConvNet().features == 128
