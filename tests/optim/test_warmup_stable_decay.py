"""Warm-up, constant rate and decay: each step's factor, and the branches of a trunk."""

import math
from typing import Any

import pytest
import torch

from cl_lightning.optim import WarmupCosine, WarmupStableDecay
from tests import small
from tests.optim.test_schedule import Rates


@pytest.mark.parametrize(
    ("decay", "form"), [("sqrt", lambda p: 1 - math.sqrt(p)), ("linear", lambda p: 1 - p)]
)
def test_each_step_has_the_factor_of_the_closed_form(decay: Any, form: Any) -> None:
    schedule, total, warm = WarmupStableDecay(decay_share=0.4, decay=decay), 20, 4
    factors = [schedule.factor(step, total, warm) for step in range(total + 1)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4:13] == [1.0] * 9
    assert factors[12:] == pytest.approx([form((step - 12) / 8) for step in range(12, 21)])
    assert factors[-1] == 0


def test_a_share_of_none_is_a_trunk_and_a_share_of_all_decays_from_the_first_step() -> None:
    trunk = WarmupStableDecay(decay_share=0)
    assert [trunk.factor(step, 10, 2) for step in range(11)] == [0.5, *[1.0] * 10]
    whole = WarmupStableDecay(decay_share=1, decay="linear")
    assert [whole.factor(step, 4, 0) for step in range(5)] == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_the_steps_of_the_decay_are_the_rounded_share() -> None:
    assert [WarmupStableDecay(decay_share=0.3).decay_steps(n) for n in (1, 5, 10, 11)] == [0, 2, 3, 3]


@pytest.mark.parametrize("rule", ["none", "linear", "sqrt"])
def test_the_peak_is_that_of_the_cosine(rule: Any) -> None:
    rates = []
    for schedule in (WarmupStableDecay(lr_scaling=rule), WarmupCosine(lr_scaling=rule)):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.3)
        schedule.attach(optimizer, total_steps=10, steps_per_epoch=5, effective_batch_size=1024)
        rates.append((optimizer.param_groups[0]["lr"], schedule.peak(optimizer)))
    assert rates[0] == rates[1]


@pytest.mark.parametrize(("accumulate", "total"), [(1, 12), (2, 6)])
def test_trained_rates_are_the_schedules_under_accumulation_too(accumulate: int, total: int) -> None:
    schedule = WarmupStableDecay(warmup_epochs=1, decay_share=0.5, lr_scaling="none")
    rates = Rates()
    trainer = small.trainer(rates, max_epochs=3, accumulate_grad_batches=accumulate)
    trainer.fit(small.simclr(schedule=schedule), datamodule=small.data())
    assert rates.rates == pytest.approx([0.1 * schedule.factor(n, total, total // 3) for n in range(total)])


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"warmup_epochs": -1.0}, "schedule.warmup_epochs is -1.0"),
        ({"decay_share": 1.5}, "schedule.decay_share is 1.5"),
        ({"decay_share": -0.1}, "schedule.decay_share is -0.1"),
        ({"decay_share": math.nan}, "schedule.decay_share is nan"),
    ],
)
def test_wrong_values_are_refused(arguments: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=f"{key}; accepted: "):
        WarmupStableDecay(**arguments)


def test_a_warm_up_that_overlaps_the_decay_is_refused_with_both_or_shortened_if_it_is_a_default() -> None:
    given = WarmupStableDecay(warmup_epochs=3, decay_share=0.5)
    message = r"warmup_epochs is 3 \(12 steps\) and the decay takes 10, but training ends after 20 steps"
    with pytest.raises(ValueError, match=message):
        given.fitted(total_steps=20, steps_per_epoch=4)
    assert WarmupStableDecay(warmup_epochs=2.5, decay_share=0.5).fitted(20, 4).warmup_epochs == 2.5
    default = WarmupStableDecay(warmup_epochs=3, decay_share=0.5, shorten=True)
    assert default.fitted(total_steps=20, steps_per_epoch=4).warmup_epochs == 0.5


@pytest.mark.parametrize(("step", "total", "fits"), [(16, 20, True), (17, 20, False), (17, 22, True)])
def test_a_branch_has_its_whole_decay_before_it(step: int, total: int, fits: bool) -> None:
    schedule = WarmupStableDecay(decay_share=0.2)
    if fits:
        schedule.check_branch(step, total)
        return
    with pytest.raises(
        ValueError, match="a run of 20 steps begins after 16, but the run goes on after 17"
    ) as e:
        schedule.check_branch(step, total)
    share = float(str(e.value).split("schedule.decay_share of at most ")[1].split(",")[0])
    WarmupStableDecay(decay_share=share).check_branch(step, total)  # as the message says


def test_a_trunk_of_any_length_is_a_branch_of_every_step() -> None:
    WarmupStableDecay(decay_share=0).check_branch(19, 20)
