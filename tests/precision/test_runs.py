"""What a run holds in which dtype, and what it computes from it, in each precision."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from cl_lightning.losses import nt_xent
from tests import small
from tests.losses import oracle
from tests.precision.trained import (
    TEMPERATURE,
    Step,
    both_methods,
    close_views,
    every_precision,
    on_cpu_and_gpu,
    trained,
)

# Weights, and embeddings as the encoder gives them.
DTYPES = {
    "32": (torch.float32, torch.float32),
    "bf16-mixed": (torch.float32, torch.bfloat16),
    "16-mixed": (torch.float32, torch.float16),
    "bf16-true": (torch.bfloat16, torch.bfloat16),
    "64": (torch.float64, torch.float64),
}


def in_float64(step: Step) -> float:
    if step.queue is None:
        return oracle.nt_xent(step.z_a, step.z_b, TEMPERATURE)
    return oracle.info_nce(step.z_a, step.z_b, step.queue, TEMPERATURE)


def similarity(step: Step) -> float:
    return cosine_similarity(step.z_a.double(), step.z_b.double()).mean().item()


@on_cpu_and_gpu
@both_methods
@every_precision
def test_the_loss_of_close_views_is_that_of_float64(method: str, precision: str, device: str) -> None:
    steps = trained(method, precision, device).steps
    assert len(steps) == 40
    assert min(similarity(step) for step in steps) > 0.95
    errors = [abs(step.loss.item() / in_float64(step) - 1) for step in steps]
    assert max(errors) <= 1e-4
    assert precision != "64" or max(errors) <= 1e-12


@on_cpu_and_gpu
@both_methods
@every_precision
def test_weights_and_embeddings_have_the_precision_and_sums_at_least_float32(
    method: str, precision: str, device: str
) -> None:
    run = trained(method, precision, device)
    weights, embeddings = DTYPES[precision]
    wide = torch.promote_types(weights, torch.float32)
    assert dtypes(run.method.parameters()) == {weights}
    states = run.trainer.optimizers[0].state.values()
    assert dtypes(state["momentum_buffer"] for state in states) == {weights}
    assert dtypes(run.images) == {weights}
    assert dtypes(step.z_a for step in run.steps) == {embeddings}
    assert dtypes(step.loss for step in run.steps) == {wide}
    if run.momentum_encoder is not None:
        assert dtypes(run.momentum_encoder.encoder.parameters()) == {weights}
        assert dtypes(run.momentum_encoder.state_dict()["average"]) == {wide}
        assert dtypes(step.z_b for step in run.steps) == {wide}  # the keys
        assert dtypes(step.queue for step in run.steps) == {wide}


def dtypes(tensors) -> set[torch.dtype]:
    return {tensor.dtype for tensor in tensors}


@on_cpu_and_gpu
@both_methods
@every_precision
def test_every_precision_trains_on_the_views_of_float32(method: str, precision: str, device: str) -> None:
    run, expected = (trained(method, p, device).images for p in (precision, "32"))
    for images, views in zip(run, expected, strict=True):
        assert torch.equal(images, views.to(images.dtype))


@on_cpu_and_gpu
@both_methods
@every_precision
def test_what_is_logged_is_that_of_float64(method: str, precision: str, device: str) -> None:
    run = trained(method, precision, device)
    last_epoch, logged = run.steps[-4:], run.trainer.callback_metrics
    assert dtypes(logged.values()) <= {torch.float32, torch.float64}
    expected = {
        "train/loss": sum(step.loss.item() for step in last_epoch) / 4,
        "train/positive_similarity": sum(similarity(step) for step in last_epoch) / 4,
        "train/alignment": sum(2 - 2 * similarity(step) for step in last_epoch) / 4,
    }
    for name, value in expected.items():
        assert logged[name].item() == pytest.approx(value, rel=1e-4, abs=1e-6), name


@on_cpu_and_gpu
@both_methods
@every_precision
def test_every_precision_learns_as_float32_does(method: str, precision: str, device: str) -> None:
    before = judged(small.encoder())
    falls = [before - judged(trained(method, p, device).method.encoder) for p in (precision, "32")]
    assert falls[1] > 0.5
    assert falls[0] > 0.7 * falls[1]


@torch.no_grad()
def judged(encoder: nn.Module) -> float:
    """NT-Xent of all images under views of their own, in float32 and by the batch's statistics."""
    encoder = copy.deepcopy(encoder).float().cpu().train()
    data = small.data().train
    images: Tensor = torch.stack([data[i][0] for i in range(len(data))])
    view_a, view_b = close_views(images, torch.arange(len(images)), 99)
    return nt_xent(encoder(view_a), encoder(view_b), TEMPERATURE).item()
