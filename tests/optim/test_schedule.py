"""The learning rate by step: warm-up, cosine, scaled by the effective batch."""

import math

import pytest
import torch
from lightning.pytorch import Callback

from cl_lightning.methods import SimCLR
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views
from tests import small


@pytest.mark.parametrize(("rule", "expected"), [("none", 1.0), ("linear", 4.0), ("sqrt", 2.0)])
def test_peak_follows_the_effective_batch_by_the_stated_rule(rule: str, expected: float) -> None:
    assert WarmupCosine(lr_scaling=rule).scale(1024) == expected


def test_warm_up_is_linear_and_the_rest_half_a_cosine() -> None:
    schedule, total, warm = WarmupCosine(final_fraction=0.1), 20, 5
    factors = [schedule.factor(step, total, warm) for step in range(total + 1)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    rest = [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (step - 5) / 15)) for step in range(5, 21)]
    assert factors[5:] == pytest.approx(rest)
    assert factors[-1] == pytest.approx(0.1)


class Rates(Callback):
    def __init__(self) -> None:
        self.rates: list[float] = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        self.rates.append(optimizer.param_groups[0]["lr"])


@pytest.mark.parametrize(("accumulate", "warmup_steps", "total"), [(1, 4, 8), (2, 2, 4)])
def test_trained_rates_are_the_schedules_under_accumulation_too(accumulate, warmup_steps, total) -> None:
    rates, method = Rates(), small.simclr()
    method.schedule = WarmupCosine(warmup_epochs=1, lr_scaling="linear")
    trainer = small.trainer(rates, max_epochs=2, accumulate_grad_batches=accumulate)
    trainer.fit(method, datamodule=small.data())
    peak = 0.1 * 16 * accumulate / 256
    expected = [peak * method.schedule.factor(step, total, warmup_steps) for step in range(total)]
    assert rates.rates == pytest.approx(expected)


def test_every_parameter_group_has_the_rate() -> None:
    parameters = [torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.zeros(2))]
    optimizer = torch.optim.SGD([{"params": [parameters[0]]}, {"params": [parameters[1]]}], lr=1.0)
    WarmupCosine().attach(optimizer, total_steps=10, steps_per_epoch=5, effective_batch_size=512)
    assert [group["lr"] for group in optimizer.param_groups] == [2.0, 2.0]


def test_warm_up_longer_than_training_is_refused() -> None:
    method = small.simclr()
    method.schedule = WarmupCosine(warmup_epochs=10)
    with pytest.raises(
        ValueError, match=r"schedule.warmup_epochs is 10 \(40 steps\), but training ends after 4"
    ):
        small.trainer().fit(method, datamodule=small.data())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"warmup_epochs": -1.0}, r"schedule.warmup_epochs is -1.0; accepted: 0 or more"),
        ({"warmup_epochs": math.nan}, r"schedule.warmup_epochs is nan; accepted: 0 or more"),
        ({"warmup_epochs": math.inf}, r"schedule.warmup_epochs is inf; accepted: 0 or more"),
        ({"final_fraction": 1.5}, r"schedule.final_fraction is 1.5; accepted: 0 to 1"),
    ],
)
def test_wrong_values_are_refused(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        WarmupCosine(**arguments)


@pytest.mark.parametrize(("epochs", "steps"), [(1, 0), (4, 2), (10, 4), (11, 40)])
def test_a_default_that_does_not_fit_is_a_tenth_of_the_run_and_one_that_fits_is_itself(
    epochs: int, steps: int
) -> None:
    schedule = WarmupCosine(warmup_epochs=10, shorten=True)
    fitted = schedule.fitted(total_steps=4 * epochs, steps_per_epoch=4)
    assert round(4 * fitted.warmup_epochs) == steps
    assert (fitted is schedule) is (epochs == 11)


def test_the_defaults_of_simclr_train_a_single_epoch_and_a_given_warm_up_is_refused() -> None:
    made = SimCLR(moco_v2_views(small.SIZE), small.encoder())
    trainer = small.trainer()
    trainer.fit(made, small.data())
    assert trainer.global_step == 4
    given = SimCLR(moco_v2_views(small.SIZE), small.encoder(), schedule=WarmupCosine(warmup_epochs=10))
    with pytest.raises(ValueError, match=r"schedule.warmup_epochs is 10 \(40 steps\)"):
        small.trainer().fit(given, small.data())
