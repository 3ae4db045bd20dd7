"""Each BatchNorm policy on one process against torch's BatchNorm."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cl_lightning.encoders import PolicyBatchNorm, check_groups

SHAPES = {"vectors": (24, 5), "sequences": (24, 5, 7), "images": (24, 5, 3, 4)}


def batch(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    # An own scale and place for each image, so that groups differ.
    spread = torch.rand(shape[0], *[1] * (len(shape) - 1), generator=generator) * 3
    return (torch.randn(shape, generator=generator) * spread + 2 * spread).to(dtype)


def layer(policy: str, groups: int = 1, **options: object) -> PolicyBatchNorm:
    norm = PolicyBatchNorm(5, policy=policy, groups=groups, **options).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in norm.parameters():
        nn.init.normal_(parameter, generator=generator)
    return norm


def torch_layer(norm: PolicyBatchNorm, shape: tuple[int, ...]) -> nn.Module:
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    reference = kind(5, norm.eps, norm.momentum, norm.affine).to(norm.running_mean.dtype)
    reference.load_state_dict(norm.state_dict())
    return reference


def gradients(module: nn.Module, y: Tensor, x: Tensor) -> list[Tensor]:
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).to(y.dtype)
    return list(torch.autograd.grad((y * weights).sum() + y.pow(3).sum(), [x, *module.parameters()]))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("policy", "groups"), [("sync", 1), ("plain", 1), ("split", 1), ("split", 4), ("shuffle", 12)]
)
@pytest.mark.parametrize("momentum", [0.1, 0.3])
def test_each_group_is_normalised_as_torch_normalises_it_alone(shape, policy, groups, momentum):
    norm = layer(policy, groups, momentum=momentum)
    reference = torch_layer(norm, shape)
    x = batch(shape).requires_grad_()
    y = norm(x)
    alone = [copy.deepcopy(reference) for _ in range(groups)]
    expected = torch.cat([bn(part) for bn, part in zip(alone, x.chunk(groups), strict=True)])
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    stacked = nn.ModuleList(alone)
    of_x, *of_parameters = gradients(stacked, expected, x)
    weight, bias = sum(of_parameters[0::2]), sum(of_parameters[1::2])
    for gradient, wanted in zip(gradients(norm, y, x), (of_x, weight, bias), strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-11, atol=1e-11)
    for name in ("running_mean", "running_var"):
        mean = torch.stack([getattr(bn, name) for bn in alone]).mean(0)
        torch.testing.assert_close(getattr(norm, name), mean, rtol=1e-12, atol=1e-12)


def test_groups_change_the_result():
    x = batch(SHAPES["images"])
    assert (layer("split", 4)(x) - layer("sync")(x)).abs().max() > 0.1
    assert (layer("split", 4)(x) - layer("split", 2)(x)).abs().max() > 0.1


def test_an_image_is_normalised_by_its_own_group_only():
    x = batch(SHAPES["images"])
    other = x.clone()
    other[:6] += 100
    changed, same = layer("split", 4)(other), layer("split", 4)(x)
    assert torch.equal(changed[6:], same[6:])


@pytest.mark.parametrize(("policy", "groups"), [("sync", 1), ("split", 4)])
def test_evaluation_uses_the_running_statistics_as_torch_does(policy, groups):
    norm = layer(policy, groups)
    norm(batch(SHAPES["images"]))
    reference = torch_layer(norm, SHAPES["images"]).eval()
    x = batch((5, 5, 3, 4), seed=3)
    before = copy.deepcopy(norm.state_dict())
    torch.testing.assert_close(norm.eval()(x), reference(x), rtol=1e-12, atol=1e-12)
    for name, value in norm.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(("policy", "groups"), [("sync", 1), ("split", 2)])
def test_without_momentum_the_running_statistics_average_all_forwards(policy, groups):
    norm = layer(policy, groups, momentum=None)
    means, variances = [], []
    for seed in range(3):
        x = batch(SHAPES["vectors"], seed=seed)
        norm(x)
        means += [part.mean(0) for part in x.chunk(groups)]
        variances += [part.var(0) for part in x.chunk(groups)]
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(norm.running_var, torch.stack(variances).mean(0), rtol=1e-12, atol=1e-12)
    assert norm.num_batches_tracked == 3


@pytest.mark.parametrize(("policy", "groups"), [("sync", 1), ("split", 4)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_statistics_of_low_precision_images_are_float32(policy, groups, dtype):
    norm = layer(policy, groups).float()
    x = batch((64, 5, 8, 8), dtype)
    y = norm(x)
    assert y.dtype == dtype
    assert norm.running_mean.dtype == torch.float32
    exact = layer(policy, groups)
    torch.testing.assert_close(y.double(), exact(x.double()), rtol=2e-2, atol=2e-2)
    torch.testing.assert_close(norm.running_mean.double(), exact.running_mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(norm.running_var.double(), exact.running_var, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("policy", "groups"), [("sync", 1), ("split", 4)])
def test_statistics_of_a_half_precision_layer_follow_small_moves_in_float32(policy, groups, dtype):
    """torch's own layer keeps them in the weights' dtype, where 300 slow steps leave them behind."""
    half, single = (PolicyBatchNorm(5, policy=policy, groups=groups) for _ in range(2))
    plain = nn.BatchNorm1d(5).to(dtype)
    half.to(dtype)
    assert (half.weight.dtype, half.running_mean.dtype, half.running_var.dtype) == (
        dtype,
        torch.float32,
        torch.float32,
    )
    for step in range(300):
        x = (batch((24, 5), torch.float32, seed=step) + step / 100).to(dtype)
        y = half(x)
        single(x.float())
        plain(x)
    assert y.dtype == dtype
    torch.testing.assert_close(half.running_mean, single.running_mean, rtol=0, atol=1e-5)
    torch.testing.assert_close(half.running_var, single.running_var, rtol=1e-5, atol=0)
    assert (plain.running_mean.float() - single.running_mean).abs().max() > 1e-3
    y.float().square().sum().backward()
    assert half.weight.grad.dtype == dtype
    assert half.eval()(x).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_layer_that_was_float64_or_begins_in_half_precision_trains_in_it(dtype):
    from_double = layer("split", 4).to(dtype)
    torch.set_default_dtype(dtype)
    try:
        begun = PolicyBatchNorm(5, policy="split", groups=4)
    finally:
        torch.set_default_dtype(torch.float32)
    for half in (from_double, begun, copy.deepcopy(begun).to(dtype)):
        assert half(batch((24, 5), dtype)).dtype == dtype
        assert half.running_mean.dtype == torch.float32


def test_a_layer_without_weight_and_bias_only_normalises():
    y = layer("split", 2, affine=False)(batch(SHAPES["images"]))
    for part in y.chunk(2):
        torch.testing.assert_close(part.mean((0, 2, 3)), torch.zeros(5).double(), rtol=0, atol=1e-12)
        torch.testing.assert_close(
            part.var((0, 2, 3), correction=0), torch.ones(5).double(), rtol=0, atol=1e-4
        )


def test_channels_last_images_stay_channels_last():
    x = batch(SHAPES["images"]).contiguous(memory_format=torch.channels_last)
    assert layer("split", 4)(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("images", "groups"), [(10, 4), (8, 8), (3, 4)])
def test_a_batch_that_does_not_fill_the_groups_is_refused(images, groups):
    with pytest.raises(ValueError, match=r"encoder\.batch_norm_groups"):
        layer("split", groups)(batch((images, 5)))


def test_evaluation_takes_any_batch():
    assert layer("split", 4).eval()(batch((1, 5))).shape == (1, 5)


@pytest.mark.parametrize(
    ("global_batch", "groups", "world_size"), [(256, 8, 1), (256, 8, 8), (256, 128, 2), (6, 3, 3), (2, 1, 1)]
)
def test_groups_that_fit_are_accepted(global_batch, groups, world_size):
    check_groups(global_batch, groups, world_size)


@pytest.mark.parametrize(
    ("global_batch", "groups", "world_size", "choice"),
    [
        (12, 5, 1, "[1, 2, 3, 4, 6]"),
        (12, 12, 1, "[1, 2, 3, 4, 6]"),
        (12, 3, 2, "[2, 4, 6]"),
        (12, 0, 1, "[1, 2, 3, 4, 6]"),
        (12, -2, 1, "[1, 2, 3, 4, 6]"),
        (8, 8, 8, "none does"),
        (0, 1, 1, "none does"),
    ],
)
def test_groups_that_do_not_fit_are_refused_with_the_numbers_that_would_do(
    global_batch, groups, world_size, choice
):
    with pytest.raises(ValueError, match=r"encoder\.batch_norm_groups") as refusal:
        check_groups(global_batch, groups, world_size)
    assert choice in str(refusal.value)
    assert f"{groups} BatchNorm groups for a global batch of {global_batch}" in str(refusal.value)


class OfOneProcess:
    """In the place of torch's kernels for several GPUs."""

    @staticmethod
    def apply(x, weight, bias, mean, var, eps, momentum, group, processes):
        return F.batch_norm(x, mean, var, weight, bias, True, momentum, eps)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_on_several_gpus_statistics_are_torchs(momentum, monkeypatch):
    """Without GPUs: their path, around kernels of a CPU."""
    monkeypatch.setattr("cl_lightning.encoders.batch_norm.SyncBatchNorm", OfOneProcess)
    monkeypatch.setattr("cl_lightning.encoders.batch_norm.world_size", lambda: 2)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    norm, reference = PolicyBatchNorm(3, momentum=momentum), torch.nn.BatchNorm2d(3, momentum=momentum)
    for _ in range(3):
        x = torch.randn(4, 3, 5, 5)
        torch.testing.assert_close(norm(x), reference(x))
    torch.testing.assert_close(dict(norm.named_buffers()), dict(reference.named_buffers()))
