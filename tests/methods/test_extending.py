"""The learning rate of a fit that goes on: the first step too has that of the present schedule."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping, StochasticWeightAveraging
from torch.optim import lr_scheduler

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks import LastCheckpoint, StartReport
from cl_lightning.optim import WarmupCosine, WarmupStableDecay
from tests import small

PEAK, STEPS = 0.1, 4  # of an epoch
COSINE = WarmupCosine(lr_scaling="none")
TRUNK = WarmupStableDecay(decay_share=0, lr_scaling="none")
BRANCH = WarmupStableDecay(decay_share=0.5, lr_scaling="none")
STEP = partial(lr_scheduler.StepLR, step_size=1, gamma=0.1)
PLATEAU = partial(lr_scheduler.ReduceLROnPlateau, factor=0.1, patience=0, threshold=10.0)


def one_cycle(steps: int) -> Any:
    """Also moves the momentum."""

    def make(optimizer: Any) -> Any:
        made = lr_scheduler.OneCycleLR(optimizer, max_lr=0.4, total_steps=steps, pct_start=0.5)
        return {"scheduler": made, "interval": "step"}

    return make


class Options(Callback):
    """Keeps the rate and the momentum of each step."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.momenta: list[float] = []

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        self.rates += [float(group["lr"]) for group in optimizer.param_groups[:1]]
        self.momenta += [float(group["momentum"]) for group in optimizer.param_groups[:1]]


def fit(schedule: Any, epochs: int, resume: Path | None = None, extends: bool = False, **given: Any) -> Any:
    method, kept = small.simclr(schedule=schedule), Options()
    method.extends = extends
    trainer = small.trainer(kept, *given.pop("callbacks", ()), max_epochs=epochs, **given)
    trainer.fit(method, small.data(), ckpt_path=resume, weights_only=True)
    return trainer, kept


def checkpoint(schedule: Any, folder: Path, epochs: int = 1) -> Path:
    trainer, _ = fit(schedule, epochs)
    trainer.save_checkpoint(folder / "parent.ckpt")
    return folder / "parent.ckpt"


def rates(schedule: Any, total: int, first: int = 0) -> Any:
    return pytest.approx([PEAK * schedule.factor(step, total, 0) for step in range(first, total)])


def test_a_longer_fit_has_the_new_schedules_rate_from_its_first_step(tmp_path: Path) -> None:
    parent = checkpoint(COSINE, tmp_path)
    _, kept = fit(COSINE, 3, parent)
    assert kept.rates == rates(COSINE, 3 * STEPS, first=STEPS)
    assert kept.rates[0] > 0.07  # that of the parent's next step would be 0


@pytest.mark.parametrize("parent", [COSINE, TRUNK, STEP, PLATEAU, one_cycle(STEPS)])
@pytest.mark.parametrize("schedule", [COSINE, BRANCH])
def test_a_schedule_of_ours_goes_on_at_the_step_whatever_was_before(
    parent: Any, schedule: Any, tmp_path: Path
) -> None:
    _, kept = fit(schedule, 3, checkpoint(parent, tmp_path), extends=True)
    assert kept.rates == rates(schedule, 3 * STEPS, first=STEPS)
    assert set(kept.momenta) == {0.9}


@pytest.mark.filterwarnings("ignore:SWA is currently", "ignore:Be aware that when using `ckpt_path`")
@pytest.mark.parametrize("extends", [False, True])
def test_after_an_average_of_weights_our_schedule_goes_on_at_the_step(extends: bool, tmp_path: Path) -> None:
    averaging = StochasticWeightAveraging(1e-2, swa_epoch_start=2)
    saved = {"callbacks": [averaging, LastCheckpoint(tmp_path, keep_every_n_epochs=1)]}
    fit(COSINE, 4, enable_checkpointing=True, **saved)
    _, kept = fit(COSINE, 4, tmp_path / "step-00000008.ckpt", extends)
    assert kept.rates == rates(COSINE, 4 * STEPS, first=2 * STEPS)


@pytest.mark.parametrize("parent", [COSINE, one_cycle(STEPS), partial(STEP, step_size=2), PLATEAU])
@pytest.mark.parametrize(
    ("schedule", "expected"),
    [(STEP, [0.1, 0.01]), (partial(lr_scheduler.ConstantLR, factor=0.5, total_iters=1), [0.05, 0.1])],
)
def test_another_scheduler_of_torch_begins_anew(
    parent: Any, schedule: Any, expected: list[float], tmp_path: Path
) -> None:
    _, kept = fit(schedule, 3, checkpoint(parent, tmp_path), extends=True)
    assert kept.rates == pytest.approx([rate for rate in expected for _ in range(STEPS)])
    assert set(kept.momenta) == {0.9}


@pytest.mark.parametrize("extends", [False, True])
def test_the_same_scheduler_of_torch_goes_on(extends: bool, tmp_path: Path) -> None:
    _, kept = fit(STEP, 3, checkpoint(STEP, tmp_path), extends=extends)
    assert kept.rates == pytest.approx([0.01] * STEPS + [0.001] * STEPS)


def test_a_cycle_that_has_too_few_steps_is_refused_with_their_number(tmp_path: Path) -> None:
    parent = checkpoint(COSINE, tmp_path)
    with pytest.raises(ConfigError, match="total_steps=7, but it moves 8 times; accepted: total_steps=8"):
        fit(one_cycle(7), 3, parent, extends=True)
    _, kept = fit(one_cycle(8), 3, parent, extends=True)
    assert max(kept.rates) == pytest.approx(0.4)
    with pytest.raises(ConfigError, match="total_steps=8, but it moves 12 times"):
        fit(one_cycle(8), 3)


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
@pytest.mark.parametrize("extends", [False, True])
def test_a_cycle_that_began_anew_goes_on_after_an_interruption(extends: bool, tmp_path: Path) -> None:
    saved = {"callbacks": [LastCheckpoint(tmp_path / "cycle", keep_every_n_steps=9)]}
    parent = checkpoint(COSINE, tmp_path)
    _, whole = fit(one_cycle(8), 3, parent, extends=True, enable_checkpointing=True, **saved)
    _, kept = fit(one_cycle(8), 3, tmp_path / "cycle" / "step-00000009.ckpt", extends)
    assert (kept.rates, kept.momenta) == (whole.rates[5:], whole.momenta[5:])


@pytest.mark.parametrize(
    ("parent", "schedule", "told"),
    [
        (TRUNK, BRANCH, "schedule.decay_share: then 0, now 0.5"),
        (STEP, COSINE, r"schedule: then StepLR\(.*, now one of cl_lightning"),
        (partial(STEP, step_size=2), STEP, "schedule.step_size: then 2, now 1"),
        (one_cycle(STEPS), one_cycle(3 * STEPS), "schedule.total_steps: then 4, now 12"),
    ],
)
def test_another_schedule_is_refused_unless_it_is_meant(
    parent: Any, schedule: Any, told: str, tmp_path: Path
) -> None:
    file = checkpoint(parent, tmp_path)
    with pytest.raises(ConfigError, match=rf"{told}.*method\.extends = True"):
        fit(schedule, 3, file)
    trainer, _ = fit(schedule, 3, file, extends=True)  # as the message says
    assert trainer.global_step == 3 * STEPS


def test_other_settings_are_refused_for_a_fit_that_extends_too(tmp_path: Path) -> None:
    file = checkpoint(COSINE, tmp_path)
    method = small.simclr(optimizer=partial(torch.optim.AdamW, lr=0.1), schedule=BRANCH)
    method.extends = True
    with pytest.raises(ConfigError, match="optimizer: then SGD") as refusal:
        small.trainer(max_epochs=3).fit(method, small.data(), ckpt_path=file, weights_only=True)
    assert "schedule" not in str(refusal.value)


def test_a_branch_whose_decay_would_have_begun_is_refused(tmp_path: Path) -> None:
    parent = checkpoint(TRUNK, tmp_path, epochs=2)
    with pytest.raises(ValueError, match="a run of 12 steps begins after 6, but the run goes on after 8"):
        fit(BRANCH, 3, parent, extends=True)


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")
def test_a_branch_that_was_interrupted_in_its_decay_goes_on(tmp_path: Path) -> None:
    """Of a script that sets `extends` at each of its starts."""
    trunk, whole = checkpoint(TRUNK, tmp_path), tmp_path / "branch"
    saved = {"callbacks": [LastCheckpoint(whole, keep_every_n_steps=7)], "enable_checkpointing": True}
    fit(BRANCH, 2, trunk, extends=True, **saved)
    _, kept = fit(BRANCH, 2, whole / "step-00000007.ckpt", extends=True)
    assert kept.rates == rates(BRANCH, 2 * STEPS, first=7)


def test_a_branch_has_the_bits_of_the_whole_fit(tmp_path: Path) -> None:
    trainer, _ = fit(BRANCH, 2, checkpoint(TRUNK, tmp_path), extends=True)
    whole, _ = fit(BRANCH, 2)
    pairs = zip(trainer.model.parameters(), whole.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def reported(out: str) -> list[str]:
    return [line.split("  ", 2)[2].strip() for line in out.splitlines() if line.startswith("  rate goes on")]


@pytest.mark.parametrize(
    ("parent", "schedule", "extends", "told"),
    [
        (
            COSINE,
            COSINE,
            False,
            ["0.05, on this run's schedule; it had come to 0"],
        ),
        (
            TRUNK,
            BRANCH,
            True,
            ["0.1, on this run's schedule; it had come to 0.1"],
        ),
        (COSINE, STEP, True, ["0.1, with a new StepLR; it had come to 0"]),
        (TRUNK, TRUNK, False, []),
    ],
)
def test_the_start_report_tells_how_the_rate_goes_on(
    parent: Any, schedule: Any, extends: bool, told: list[str], tmp_path: Path, capsys: Any
) -> None:
    file = checkpoint(parent, tmp_path)
    fit(schedule, 2, file, extends=extends, callbacks=[StartReport()])
    place = "after 4 steps (epoch 1 of 2) at "
    assert reported(capsys.readouterr().out) == [place + line for line in told]


def test_a_fit_from_the_start_is_told_as_one_after_a_fit_that_went_on(tmp_path: Path, capsys: Any) -> None:
    file, method = checkpoint(COSINE, tmp_path), small.simclr(schedule=COSINE)
    small.trainer(max_epochs=2).fit(method, small.data(), ckpt_path=file, weights_only=True)
    small.trainer(StartReport()).fit(method, small.data())
    assert reported(capsys.readouterr().out) == []


def test_a_fit_that_stopped_early_is_extended_and_a_resumed_one_stops_again(tmp_path: Path) -> None:
    class Stops(EarlyStopping):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            trainer.should_stop |= trainer.global_step == STEPS

    def steps(extends: bool, resume: Path | None = None) -> int:
        folder = tmp_path if resume is None else tmp_path / "longer"
        callbacks = [Stops("train/loss"), LastCheckpoint(folder)]
        settings = {"callbacks": callbacks, "enable_checkpointing": True}
        return fit(COSINE, 3, resume, extends, **settings)[0].global_step

    assert steps(False) == STEPS
    assert steps(False, tmp_path / "last.ckpt") == STEPS
    assert steps(True, tmp_path / "last.ckpt") == 3 * STEPS


@pytest.mark.filterwarnings("ignore:k = 200 neighbours")
@pytest.mark.parametrize(
    ("accumulate", "evaluated"), [(1, {}), (2, {}), (1, {"limit_val_batches": 1.0, "val_check_interval": 3})]
)
def test_a_fit_that_max_steps_ended_inside_an_epoch_goes_on_inside_it(
    accumulate: int, evaluated: dict[str, Any], tmp_path: Path
) -> None:
    settings = {"accumulate_grad_batches": accumulate, "enable_checkpointing": True, **evaluated}
    ends = {"max_steps": 3, "callbacks": [LastCheckpoint(tmp_path)]}
    fit(TRUNK, 2 * accumulate, **settings, **ends)
    trainer, kept = fit(
        TRUNK, 2 * accumulate, tmp_path / "last.ckpt", callbacks=[LastCheckpoint(tmp_path / "b")], **settings
    )
    whole, _ = fit(TRUNK, 2 * accumulate, callbacks=[LastCheckpoint(tmp_path / "c")], **settings)
    assert len(kept.rates) == 5
    assert trainer.current_epoch == whole.current_epoch
    pairs = zip(trainer.model.parameters(), whole.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
