"""Optimizers are fused where they can be, which changes rounding at most, and runs go on with or without."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning.optim import fused
from tests import small

SGD, ADAMW = torch.optim.SGD, torch.optim.AdamW
CPU, GPU = torch.device("cpu"), torch.device("cuda")
# What a fused step may change.
ROUNDING = {SGD: 0.0, ADAMW: 1e-6}


def fit(optimizer: Any, max_epochs: int = 1, resume: Path | None = None, **settings: Any) -> Any:
    constant = partial(torch.optim.lr_scheduler.StepLR, step_size=10)
    method = small.moco(optimizer=optimizer, schedule=constant)
    trainer = small.trainer(*small.moco_callbacks(), max_epochs=max_epochs, **settings)
    trainer.fit(method, small.data(), ckpt_path=resume, weights_only=True)
    return method


def difference(one: Any, other: Any) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((x - y).detach().abs().max()) for x, y in pairs)


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize("precision", ["32", "64", "bf16-true"])
def test_a_fit_is_fused_and_the_same_but_for_rounding(kind: Any, precision: str) -> None:
    found = fit(partial(kind, lr=1e-2), precision=precision)
    assert found.trainer.optimizers[0].defaults["fused"]
    plain = fit(partial(kind, lr=1e-2, fused=False), precision=precision)
    assert not plain.trainer.optimizers[0].defaults["fused"]
    if precision != "bf16-true":  # a fused step rounds once, a plain one several times
        assert difference(found, plain) <= ROUNDING[kind]


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize("before", [True, False])
def test_a_run_goes_on_with_the_implementation_of_its_own_process(
    kind: Any, before: bool, tmp_path: Path
) -> None:
    saved = tmp_path / "some.ckpt"
    fit(partial(kind, lr=1e-2, fused=before)).trainer.save_checkpoint(saved, weights_only=False)
    whole = fit(partial(kind, lr=1e-2), max_epochs=2)
    resumed = fit(partial(kind, lr=1e-2), max_epochs=2, resume=saved)
    assert all(group["fused"] for group in resumed.trainer.optimizers[0].param_groups)
    assert resumed.trainer.global_step == whole.trainer.global_step == 8
    assert difference(resumed, whole) <= (0 if before else ROUNDING[kind])


@pytest.mark.parametrize(
    ("make", "device", "expected"),
    [
        (partial(SGD, lr=0.1), CPU, {"fused": True}),
        (SGD, GPU, {"fused": True}),
        (partial(partial(ADAMW, lr=0.1), eps=1e-6), GPU, {"fused": True}),
        (partial(SGD, lr=0.1, foreach=True), CPU, {}),
        (partial(SGD, lr=0.1, fused=False), GPU, {}),
        (partial(ADAMW, differentiable=True), CPU, {}),
        (torch.optim.RMSprop, CPU, {}),
        (lambda groups: SGD(groups, lr=0.1), CPU, {}),
        (SGD, torch.device("meta"), {}),
    ],
)
def test_an_optimizer_is_fused_where_it_can_be_and_nothing_else_was_chosen(
    make: Any, device: torch.device, expected: dict[str, bool]
) -> None:
    assert fused(make, device) == expected
