"""What users of Lightning do in a module of their own works, with all monitors."""

import copy
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import StochasticWeightAveraging
from torch import Tensor
from torch.optim import lr_scheduler

from cl_lightning import MoCoV2, SimCLR
from cl_lightning.callbacks import HealthMonitor, MomentumEncoder, StartReport
from cl_lightning.callbacks.first_in_first_out import FirstInFirstOut
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.losses import nt_xent
from cl_lightning.methods.part_checks import check_parts
from cl_lightning.optim import WarmupCosine, as_schedule
from cl_lightning.pairs import moco_v2_views
from tests import small

KINDS: dict[str, Any] = {"simclr": small.simclr, "moco_v2": small.moco, "nnclr": small.nnclr}
EPOCHS = 3


def fit(method: Any, *callbacks: Any, data: Any = None, **settings: Any) -> Any:
    own = small.moco_callbacks() if isinstance(method, MoCoV2) else []
    trainer = small.trainer(*callbacks, *own, **{"max_epochs": EPOCHS} | settings)
    trainer.fit(method, datamodule=data or small.data())
    return trainer


class ByEpoch(Callback):
    """Keeps the learning rate of each step, and the weights after each epoch."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.weights: list[list[Tensor]] = []

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        self.rates.append(float(optimizer.param_groups[0]["lr"]))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.weights.append(small.weights(pl_module))


# --- optimizers and schedules


class OnlyAnOptimizer(SimCLR):
    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class OnAPlateau(SimCLR):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=3e-3)
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=10.0)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "monitor": "train/loss"}}


def made(kind: type[Any], **parts: Any) -> Any:
    return kind(moco_v2_views(small.SIZE), small.encoder(), **{"optimizer": small.sgd} | parts)


@pytest.mark.parametrize(("kind", "last"), [(OnlyAnOptimizer, 3e-3), (OnAPlateau, 3e-3 / 4)])
def test_the_users_own_configure_optimizers_trains_with_all_monitors(
    kind: Any, last: float, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, health = ByEpoch(), HealthMonitor()
    trainer = fit(made(kind), kept, health, StartReport())
    assert [kept.rates[0], kept.rates[-1]] == pytest.approx([3e-3, last])
    assert float(trainer.callback_metrics["train/lr"]) == pytest.approx(kept.rates[-1])
    assert "learning rate" in (report := capsys.readouterr().out)
    assert "0.003 at first" in report
    assert "train/effective_rank" in trainer.callback_metrics


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (partial(lr_scheduler.StepLR, step_size=1, gamma=0.1), [0.1, 0.01, 0.001]),
        (partial(lr_scheduler.ConstantLR, factor=0.5, total_iters=2), [0.05, 0.05, 0.1]),
        (partial(lr_scheduler.ReduceLROnPlateau, factor=0.1, patience=0, threshold=10.0), [0.1, 0.01, 0.001]),
    ],
)
def test_a_scheduler_of_torch_moves_after_each_epoch(kind: str, schedule: Any, rates: list[float]) -> None:
    kept = ByEpoch()
    fit(KINDS[kind](schedule=schedule), kept, HealthMonitor(), StartReport())
    assert kept.rates == pytest.approx([rate for rate in rates for _ in range(4)])


def test_a_scheduler_that_moves_with_each_step_says_so() -> None:
    def one_cycle(optimizer: Any) -> Any:
        scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.4, total_steps=12, pct_start=0.25)
        return {"scheduler": scheduler, "interval": "step"}

    kept, method = ByEpoch(), small.simclr(schedule=one_cycle)
    fit(method, kept, HealthMonitor())
    assert max(kept.rates) == pytest.approx(0.4, rel=0.02)
    assert len(set(kept.rates)) > 8
    assert method.schedule_in_use.peak(method.trainer.optimizers[0]) == pytest.approx(0.4)


def test_what_makes_no_scheduler_is_refused() -> None:
    with pytest.raises(ValueError, match="schedule gave a Adam"):
        fit(small.simclr(schedule=lambda optimizer: torch.optim.Adam(optimizer.param_groups[0]["params"])))


@pytest.mark.filterwarnings("ignore:SWA is currently only supported every epoch")
@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_averaged_over_epochs(kind: str) -> None:
    kept, method = ByEpoch(), KINDS[kind]()
    fit(method, kept, StochasticWeightAveraging(1e-2, swa_epoch_start=2), HealthMonitor(), StartReport())
    epochs = kept.weights[: EPOCHS - 1]  # Lightning takes those at the starts of the epochs from the second
    for place, weight in enumerate(small.weights(method)):
        torch.testing.assert_close(weight, torch.stack([e[place] for e in epochs]).mean(0))


# --- what a training_step returns


class LeavesOut(Callback):
    """Of a method: every other batch is left out, as `training_step` returns None."""

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        step = type(pl_module).training_step
        pl_module.training_step = lambda batch, batch_idx: (
            None if batch_idx % 2 else step(pl_module, batch, batch_idx)
        )


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_is_left_out_changes_nothing(kind: str) -> None:
    """Neither weights nor keys: all is as in a run without those batches."""

    class Counts(Callback):
        def __init__(self) -> None:
            self.changed: list[bool] = []

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            self.before = small.weights(pl_module)

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, i: int) -> None:
            pairs = zip(self.before, small.weights(module), strict=True)
            self.changed.append(any(not torch.equal(a, b) for a, b in pairs))

    method, counts = KINDS[kind](), Counts()
    trainer = fit(method, LeavesOut(), counts, HealthMonitor(), max_epochs=1)
    assert counts.changed == [True, False, True, False]
    assert trainer.callback_metrics["train/loss"].isfinite()
    if kind != "simclr":
        queue = method.attached(FirstInFirstOut)
        assert (queue.steps, queue.enqueued) == (2, 32)


def test_a_loss_alone_is_enough_of_a_step() -> None:
    class Plain(SimCLR):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            view_a, view_b = self.two_views(batch, self.current_epoch)
            return self.loss(self.encoder(view_a), self.encoder(view_b))

    class Losses(Callback):
        def __init__(self) -> None:
            self.losses: list[float] = []

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, i: int) -> None:
            self.losses.append(outputs["loss"].item())

    kept = Losses()
    trainer = fit(made(Plain, schedule=WarmupCosine()), kept, HealthMonitor(), StartReport(), max_epochs=1)
    assert trainer.callback_metrics["train/loss"].item() == pytest.approx(sum(kept.losses) / 4)
    assert not any("top1" in name or "rank" in name for name in trainer.callback_metrics)


# --- hyper-parameters and pickles


class WithHyperParameters(SimCLR):
    def __init__(self, alpha: float, sizes: tuple[int, ...] = (3, 4), **parts: Any) -> None:
        super().__init__(**parts)
        self.save_hyperparameters()


@pytest.mark.filterwarnings("ignore:Attribute 'encoder' is an instance of `nn.Module`")
def test_a_checkpoint_gives_back_what_save_hyperparameters_kept(tmp_path: Path) -> None:
    method = WithHyperParameters(
        0.25,
        views=moco_v2_views(small.SIZE),
        encoder=small.encoder(),
        optimizer=small.sgd,
        schedule=WarmupCosine(),
    )
    trainer = fit(method, max_epochs=1)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    assert Checkpoint(tmp_path / "last.ckpt").content["hyper_parameters"]["alpha"] == 0.25
    again = WithHyperParameters.load_from_checkpoint(tmp_path / "last.ckpt")
    assert (again.hparams["alpha"], list(again.hparams["sizes"])) == (0.25, [3, 4])
    assert all(map(torch.equal, small.weights(again), small.weights(method)))
    other = WithHyperParameters.load_from_checkpoint(tmp_path / "last.ckpt", alpha=0.5)
    assert other.hparams["alpha"] == 0.5
    again.trainer = None  # goes on from it, too
    resumed = small.trainer(max_epochs=2)
    resumed.fit(again, datamodule=small.data(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert resumed.global_step == 8


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_is_pickled_before_during_and_after_a_fit(kind: str) -> None:
    class Pickles(Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, i: int) -> None:
            if i == 1:
                self.then = small.weights(module)
                self.pickled, self.copied = pickle.dumps(module), copy.deepcopy(module)

    method, during = KINDS[kind](), Pickles()
    before = pickle.loads(pickle.dumps(method))
    assert all(map(torch.equal, small.weights(before), small.weights(method)))
    fit(method, during, HealthMonitor(), max_epochs=1)
    for made_again in (pickle.loads(during.pickled), during.copied):
        assert all(map(torch.equal, small.weights(made_again), during.then))
    after = pickle.loads(pickle.dumps(method))
    fit(before, HealthMonitor(), max_epochs=1)
    assert all(map(torch.equal, small.weights(before), small.weights(method)))
    fit(after, HealthMonitor(), max_epochs=1)  # a new fit of it


# --- parts of a wrong kind


def one_view(images: Tensor, index: Tensor, epoch: int) -> Any:
    return images.float()


def flat_views(images: Tensor, index: Tensor, epoch: int) -> Any:
    return images.float().flatten(1), images.float().flatten(1)


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("loss", "nt_xent"),
        ("loss", 0.2),
        ("views", (224, 224)),
        ("optimizer", "sgd"),
        ("encoder", torch.nn.Linear(2, 2)),
    ],
)
def test_a_part_of_a_wrong_kind_is_refused_by_its_name(part: str, given: Any) -> None:
    """By the check itself: annotations are enforced in tests, and would be first."""
    right: dict[str, Any] = {
        "views": moco_v2_views(small.SIZE),
        "encoder": small.encoder(),
        "loss": nt_xent,
        "optimizer": small.sgd,
    }
    check_parts(**right)
    with pytest.raises(ValueError, match=rf"^{part} is .*; accepted: "):
        check_parts(**right | {part: given})


@pytest.mark.parametrize(
    "given",
    [None, "cosine", WarmupCosine, lr_scheduler.StepLR(torch.optim.SGD([torch.zeros(1)], lr=0.1), 1)],
)
def test_what_is_no_schedule_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=r"^schedule is .*; accepted: "):
        as_schedule(given)


@pytest.mark.parametrize("views", [one_view, flat_views])
def test_views_that_are_not_two_are_refused_with_what_they_gave(views: Any) -> None:
    method = SimCLR(views, small.encoder(), optimizer=small.sgd, schedule=WarmupCosine())
    with pytest.raises(ValueError, match=r"^views gave \(16, .* for 16 images; accepted: two tensors"):
        fit(method, max_epochs=1)


def test_a_callback_is_asked_for_outside_of_a_trainer() -> None:
    with pytest.raises(ValueError, match="MoCoV2 has its MomentumEncoder from a Trainer"):
        small.moco().attached(MomentumEncoder)
