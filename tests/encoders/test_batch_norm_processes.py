"""Two processes compute what one computes, under every BatchNorm policy."""

import pytest
import torch
from torch import Tensor

from cl_lightning.distributed import own_share
from cl_lightning.encoders import PolicyBatchNorm
from tests import small
from tests.processes import run_on

CASES = {"sync": ("sync", 1), "split": ("split", 4), "shuffle": ("shuffle", 2), "plain": ("plain", 1)}
SHAPES = {"vectors": (16, 3), "images": (16, 3, 2, 4)}


def images(shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    place = torch.arange(shape[0]).view(-1, *[1] * (len(shape) - 1))
    return (torch.randn(shape, generator=generator) * (1 + place) + place).double()


def train(
    policy: str, groups: int, shape: tuple[int, ...], momentum: float | None, device: str = "cpu"
) -> dict[str, Tensor]:
    """Two training forwards of this process's rows, and the gradients of the second."""
    norm = PolicyBatchNorm(3, momentum=momentum, policy=policy, groups=groups).double().to(device)
    torch.nn.init.constant_(norm.weight, 1.5)
    x = own_share(images(shape)).to(device).requires_grad_()
    weights = own_share(images(shape).flip(0)).to(device)
    norm(x * 2)
    y = norm(x)
    ((y * weights).sum() + y.pow(3).sum()).backward()
    of_layer = {"weight": norm.weight.grad, "bias": norm.bias.grad}
    found = {"y": y.detach(), "x": x.grad, **of_layer, **dict(norm.named_buffers())}
    return {name: value.cpu() for name, value in found.items()}


def far_from_zero() -> Tensor:
    """Float32 images whose mean is 10,000 times their deviation."""
    x = (images(SHAPES["images"]) / 100 + 1000).float()
    return PolicyBatchNorm(3)(own_share(x)).detach()


def low_precision() -> tuple[Tensor, Tensor]:
    norm = PolicyBatchNorm(3)
    y = norm(own_share(images(SHAPES["images"]).bfloat16()))
    return y.detach(), norm.running_var


def refusal() -> str:
    try:
        PolicyBatchNorm(3, policy="split", groups=3)(torch.randn(6, 3))
    except ValueError as error:
        return str(error)
    return ""


def cases() -> list[tuple[str, str, float | None]]:
    return [(policy, shape, momentum) for policy in CASES for shape in SHAPES for momentum in (0.1, None)]


def every_case(device: str) -> dict[tuple, dict[str, Tensor]]:
    return {case: train(*CASES[case[0]], SHAPES[case[1]], case[2], device) for case in cases()}


def checkpointed() -> list[Tensor]:
    """The largest differences in gradients and statistics that checkpointing makes, by policy."""
    found = []
    for policy, groups in CASES.values():
        settings = {"batch_norm": policy, "batch_norm_groups": groups}
        networks = [small.encoder(checkpointing=c, **settings) for c in (False, True)]
        for network in networks:
            network(own_share(images((8, 3, 8, 8))).float()).square().mean().backward()
        plain, less = ([p.grad for p in network.parameters()] + [*network.buffers()] for network in networks)
        found.append(max((x - y).abs().max() for x, y in zip(plain, less, strict=True)))
    return found


def everything() -> tuple[dict, Tensor, tuple[Tensor, Tensor], list[Tensor], str]:
    return every_case("cpu"), far_from_zero(), low_precision(), checkpointed(), refusal()


@pytest.fixture(scope="module")
def on_two_processes() -> list[tuple[dict, Tensor, tuple[Tensor, Tensor], list[Tensor], str]]:
    return run_on(2, everything)


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def cases_on_two_processes(request: pytest.FixtureRequest) -> list[dict[tuple, dict[str, Tensor]]]:
    """Of one GPU, if on GPUs: gloo has no objection."""
    return run_on(2, every_case, request.param)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_two_processes_equal_one(case, cases_on_two_processes):
    """On a GPU `sync` is torch's SyncBatchNorm, which equals ours on CPUs then."""
    policy, groups = CASES[case[0]]
    # Two processes, each by itself, are two groups of one process.
    expected = train(*(("split", 2) if policy == "plain" else (policy, groups)), SHAPES[case[1]], case[2])
    first, second = (results[case] for results in cases_on_two_processes)
    together = {name: torch.cat([first[name], second[name]]) for name in ("y", "x")}
    together |= {name: first[name] + second[name] for name in ("weight", "bias")}
    together |= {name: first[name] for name in ("running_mean", "running_var", "num_batches_tracked")}
    for name, value in expected.items():
        torch.testing.assert_close(
            together[name], value, rtol=1e-10, atol=1e-10, msg=lambda text, n=name: n + text
        )


@pytest.mark.parametrize("case", cases(), ids=str)
def test_running_statistics_are_the_same_bits_on_all_processes(case, on_two_processes):
    first, second = (results[case] for results, *_ in on_two_processes)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(first[name], second[name])


def test_sync_differs_from_each_process_by_itself(on_two_processes):
    first = on_two_processes[0][0]
    for shape in SHAPES:
        assert (first["sync", shape, 0.1]["y"] - first["plain", shape, 0.1]["y"]).abs().max() > 0.1


def test_sync_keeps_its_precision_far_from_zero(on_two_processes):
    x = (images(SHAPES["images"]) / 100 + 1000).float().double()
    expected = torch.nn.BatchNorm2d(3).double()(x).float()
    together = torch.cat([y for _, y, *_ in on_two_processes])
    torch.testing.assert_close(together, expected, rtol=0, atol=2e-2)


def test_sync_takes_statistics_of_low_precision_images_in_float32(on_two_processes):
    reference = torch.nn.BatchNorm2d(3)
    expected = reference(images(SHAPES["images"]).bfloat16().float())
    embeddings, variances = zip(*(result for _, _, result, *_ in on_two_processes), strict=True)
    assert embeddings[0].dtype == torch.bfloat16
    torch.testing.assert_close(torch.cat(embeddings).float(), expected, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(variances[0], reference.running_var, rtol=1e-5, atol=0)


def test_checkpointing_changes_no_bit(on_two_processes):
    for _, _, _, differences, _ in on_two_processes:
        assert differences == [0] * len(CASES)


def test_groups_that_the_processes_do_not_divide_are_refused_on_every_process(on_two_processes):
    for *_, message in on_two_processes:
        assert "3 BatchNorm groups for a global batch of 12 on 2 process(es)" in message
        assert "encoder.batch_norm_groups (one of [2, 4, 6])" in message
