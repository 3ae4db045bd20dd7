"""A fit begins in training mode; what is frozen on purpose stays as it is, and is told."""

import copy
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn

from cl_lightning import load_backbone
from cl_lightning.callbacks import KNNMonitor
from cl_lightning.callbacks.start_report import start_report
from cl_lightning.encoders import Encoder
from cl_lightning.methods.modes import evaluating
from cl_lightning.runs.checking.rehearsal import rehearse_image
from tests import small

KINDS = {"simclr": small.simclr, "moco_v2": small.moco}

# Lightning counts them; the method names them.
frozen = pytest.mark.filterwarnings("ignore:Found .* in eval mode at the start of training")


def callbacks(kind: str) -> list[Any]:
    return small.moco_callbacks() if kind == "moco_v2" else []


def fitted(kind: str, method: Any, *more: Callback, **settings: Any) -> Any:
    trainer = small.trainer(*callbacks(kind), *more, **settings)
    trainer.fit(method, small.data())
    return trainer


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def freeze(part: nn.Module) -> None:
    part.requires_grad_(False).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_eval_before_a_fit_changes_no_bit_of_it(kind: str) -> None:
    plain, evaluated = KINDS[kind](), KINDS[kind]().eval()
    fitted(kind, plain)
    fitted(kind, evaluated)
    assert evaluated.training
    assert same(state(plain), state(evaluated))


@pytest.mark.parametrize("kind", KINDS)
def test_a_backbone_that_comes_in_evaluation_mode_learns_as_any_other(kind: str) -> None:
    encoders = [small.encoder(), small.encoder()]
    encoders[1] = Encoder(encoders[1].backbone.eval(), hidden_features=16, out_features=8)
    encoders[1].load_state_dict(encoders[0].state_dict())
    methods = [KINDS[kind](encoder=encoder) for encoder in encoders]
    for method in methods:
        fitted(kind, method)
    assert same(state(methods[0]), state(methods[1]))


def test_the_backbone_of_a_run_learns_again_in_another_encoder(tmp_path: Path) -> None:
    trainer = fitted("simclr", small.simclr())
    trainer.save_checkpoint(tmp_path / "run.ckpt")
    backbone = load_backbone(tmp_path / "run.ckpt")
    method = small.simclr(encoder=Encoder(backbone, hidden_features=16, out_features=8))
    before = state(method.encoder.backbone)
    fitted("simclr", method)
    after = state(method.encoder.backbone)
    assert not any(after[name].equal(before[name]) for name in after)
    assert method.kept_in_evaluation == ""


@frozen
@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_part_keeps_its_weights_statistics_and_mode_and_is_told(
    kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("lightning.pytorch"), "propagate", True)
    method = KINDS[kind]()
    freeze(method.encoder.backbone)
    backbone, projector = state(method.encoder.backbone), state(method.encoder.projector)
    with caplog.at_level(logging.INFO, logger="lightning.pytorch"):
        trainer = fitted(kind, method, KNNMonitor(k=5), limit_val_batches=1.0, max_epochs=2)
    assert same(backbone, state(method.encoder.backbone))
    assert not same(projector, state(method.encoder.projector))
    assert not any(part.training for part in method.encoder.backbone.modules())
    assert method.encoder.projector.training
    assert method.kept_in_evaluation == "encoder.backbone"
    assert any(record.getMessage().endswith("encoder.backbone") for record in caplog.records)
    assert start_report(trainer, method)["in evaluation mode"] == "encoder.backbone"


def test_frozen_parameters_in_training_mode_are_left_with_moving_statistics() -> None:
    method = small.simclr()
    method.encoder.backbone.requires_grad_(False)
    before = state(method.encoder.backbone)
    fitted("simclr", method)
    after = state(method.encoder.backbone)
    changed = {name.rsplit(".", 1)[1] for name in after if not after[name].equal(before[name])}
    assert changed == {"running_mean", "running_var", "num_batches_tracked"}
    assert method.kept_in_evaluation == ""


class WithoutParameters(nn.Module):
    """A backbone whose layers have Dropout and BatchNorm without parameters among them."""

    features = 8

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, affine=False), nn.Dropout(0.5))
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8, affine=False), nn.Dropout(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)).mean((2, 3))


@frozen
def test_what_has_no_parameters_is_as_the_part_that_it_belongs_to() -> None:
    torch.manual_seed(0)
    backbone = WithoutParameters()
    method = small.simclr(encoder=Encoder(backbone, hidden_features=16, out_features=8)).eval()
    backbone.first.requires_grad_(False)
    fitted("simclr", method)
    assert [part.training for part in backbone.first] == [False] * 3
    assert [part.training for part in backbone.second] == [True] * 3
    assert backbone.first[1].num_batches_tracked == 0
    assert backbone.second[1].num_batches_tracked == 4
    assert method.kept_in_evaluation == "encoder.backbone.first"


class KeepsNorms(WithoutParameters):
    """The idiom of those who fine-tune: `train` leaves BatchNorm frozen."""

    def train(self, mode: bool = True) -> "KeepsNorms":
        super().train(mode)
        self.second[1].eval()
        return self


@frozen
def test_a_part_whose_own_train_keeps_something_frozen_has_its_way() -> None:
    method = small.simclr(encoder=Encoder(KeepsNorms(), hidden_features=16, out_features=8)).eval()
    fitted("simclr", method)
    assert method.kept_in_evaluation == "encoder.backbone.second.1"


class Modes(Callback):
    """Modes of key and query encoder in each step; `after` freezes the projector from that step on."""

    def __init__(self, after: int) -> None:
        self.after, self.seen = after, []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.after:
            pl_module.encoder.projector.eval()

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        key = trainer.callbacks[1].encoder
        query = pl_module.encoder
        self.seen.append([[part.training for part in encoder.modules()] for encoder in (key, query)])


@frozen
def test_the_key_encoder_has_the_modes_of_the_query_encoder_in_every_step_and_after_a_resume(
    tmp_path: Path,
) -> None:
    method = small.moco()
    freeze(method.encoder.backbone)
    fresh = copy.deepcopy(method)
    modes = Modes(after=2)
    trainer = small.trainer(modes, *small.moco_callbacks())
    trainer.fit(method, small.data())
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    resumed = Modes(after=6)
    trainer = small.trainer(resumed, *small.moco_callbacks(), max_epochs=2)
    trainer.fit(fresh, small.data(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    for seen in (modes.seen, resumed.seen):
        assert len(seen) == 4
        assert all(key == query for key, query in seen)
        assert seen[1] != seen[2]  # the projector
        assert not all(seen[0][1])  # the backbone
        assert any(seen[0][1])


def test_a_method_that_is_only_evaluated_keeps_its_modes() -> None:
    method = small.simclr()
    method.encoder.backbone.eval()
    small.trainer(KNNMonitor(k=5), limit_val_batches=1.0).validate(method, small.data())
    assert method.training
    assert not method.encoder.backbone.training


def test_the_rehearsal_and_evaluations_leave_each_part_in_its_mode() -> None:
    method = small.simclr()
    freeze(method.encoder.backbone)
    modes = [part.training for part in method.modules()]
    rehearse_image(method, torch.zeros(3, 8, 8, dtype=torch.uint8))
    assert [part.training for part in method.modules()] == modes
    with evaluating(method):
        assert not any(part.training for part in method.modules())
    assert [part.training for part in method.modules()] == modes
