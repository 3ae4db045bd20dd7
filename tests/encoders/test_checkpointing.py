"""Activation checkpointing stores less, and changes no number and no name."""

import copy
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cl_lightning import load_backbone
from cl_lightning.encoders import Encoder, ResNet, SmallConvNet, SmallResNet
from tests import small

BACKBONES = {
    "resnet": lambda: ResNet(18, "cifar"),
    "small_resnet": SmallResNet,
    "small_conv_net": lambda: SmallConvNet(channels=3),
    "sequential": lambda: nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, momentum=None), nn.Dropout(0.5)),
        nn.Flatten(),
        nn.Linear(6 * 14 * 14, 8),
    ),
}
POLICIES = {"sync": 1, "split": 2, "shuffle": 2, "plain": 1}


class Flat(nn.Module):
    features = 3

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))


def encoder(backbone: str, checkpointing: bool, policy: str = "sync") -> Encoder:
    torch.manual_seed(0)
    given = {"features": 8} if backbone == "sequential" else {}
    settings = {"batch_norm": policy, "batch_norm_groups": POLICIES[policy], "checkpointing": checkpointing}
    return Encoder(BACKBONES[backbone](), **settings, **given)


def stepped(network: Encoder) -> Encoder:
    """After two forwards and the backward of the second."""
    torch.manual_seed(1)
    images = torch.randn(8, 3, 16, 16)
    with torch.no_grad():
        network(images)
    network(images.flip(0)).square().mean().backward()
    return network


@pytest.mark.parametrize(
    ("backbone", "policy"),
    [("resnet", "sync"), *itertools.product(["small_resnet", "small_conv_net", "sequential"], POLICIES)],
)
def test_gradients_and_statistics_are_the_same_bits(backbone: str, policy: str) -> None:
    plain, less = (stepped(encoder(backbone, c, policy)) for c in (False, True))
    for (name, p), (other, q) in zip(plain.named_parameters(), less.named_parameters(), strict=True):
        assert name == other
        assert torch.equal(p.grad, q.grad), name
    assert plain.state_dict().keys() == less.state_dict().keys()
    for name, value in plain.state_dict().items():
        assert torch.equal(value, less.state_dict()[name]), name


def test_a_copy_is_checkpointed_too() -> None:
    network = encoder("small_resnet", True)
    twin = stepped(copy.deepcopy(network))
    stepped(network)
    for p, q in zip(network.parameters(), twin.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)


def stored(network: Encoder) -> int:
    """Bytes that a forward stores for backward, each memory once; of checkpointed blocks the inputs."""
    memories: dict[int, int] = {}

    def pack(x: torch.Tensor) -> torch.Tensor:
        memories[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        kept = network(torch.randn(8, 3, 16, 16))
    assert kept.requires_grad
    return sum(memories.values())


@pytest.mark.parametrize("backbone", ["resnet", "small_resnet"])
def test_less_is_stored_for_backward(backbone: str) -> None:
    assert stored(encoder(backbone, True)) < stored(encoder(backbone, False)) / 2


@pytest.mark.parametrize("settings", [{"checkpointing": True}, {"compile": True, "checkpointing": True}])
def test_what_cannot_be_checkpointed_is_refused(settings: dict[str, bool]) -> None:
    with pytest.raises(ValueError, match=r"encoder\.checkpointing"):
        Encoder(Flat(), **settings)


METHODS: dict[str, tuple[Callable[..., Any], Callable[[], list[Any]]]] = {
    "simclr": (small.simclr, list),
    "moco": (small.moco, small.moco_callbacks),
}


@pytest.mark.parametrize(("name", "precision"), [("simclr", "32"), ("moco", "32"), ("moco", "bf16-mixed")])
def test_a_fit_and_its_checkpoint_are_the_same_bits_and_go_on_without_it(
    name: str, precision: str, tmp_path: Path
) -> None:
    make, callbacks = METHODS[name]
    saved = []
    for checkpointing in (False, True):
        trainer = small.trainer(*callbacks(), precision=precision)
        trainer.fit(make(encoder=small.encoder(checkpointing=checkpointing)), small.data())
        saved.append(tmp_path / f"{checkpointing}.ckpt")
        trainer.save_checkpoint(saved[-1], weights_only=False)
    plain, less = (torch.load(file, weights_only=True) for file in saved)
    torch.testing.assert_close(less["state_dict"], plain["state_dict"], rtol=0, atol=0)
    assert less["cl_lightning"] == plain["cl_lightning"]
    backbone = load_backbone(saved[1])
    assert type(backbone.layers) is nn.Sequential
    assert torch.equal(
        backbone.layers[0][0].weight, plain["state_dict"]["encoder.backbone.layers.0.0.weight"]
    )
    trainer = small.trainer(*callbacks(), max_epochs=2, precision=precision)
    trainer.fit(make(encoder=small.encoder()), small.data(), ckpt_path=saved[1], weights_only=True)
    assert trainer.global_step == 8
