"""A part, its blueprint, and the part that is built from it again."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cl_lightning.blueprints import describe, find_own, rebuild
from cl_lightning.encoders import Encoder, ResNet, SmallConvNet, SmallResNet
from cl_lightning.losses import info_nce, nt_xent
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import digit_views, moco_v2_views, simclr_views

EQUAL_PARTS = [
    simclr_views(32, seed=3, solarize=0.1, mean=(0.5,), std=(0.2,)),
    moco_v2_views(16, blur=0.0),
    digit_views(8, rotation=5, scale=(1, 2)),
    WarmupCosine(warmup_epochs=2, lr_scaling="sqrt"),
]
NETWORKS: list[Callable[[], nn.Module]] = [
    lambda: ResNet(18, stem="cifar", channels=1),
    lambda: ResNet(50),
    lambda: SmallConvNet((4, 8), (2, 1)),
    lambda: SmallResNet((4, 8), (1, 2), stem_width=3, channels=2),
    lambda: Encoder(SmallConvNet((4, 8), (2, 1)), 6, 5, 3, False, True, "split", 2),
]


def plain(blueprint: Any) -> bool:
    """Whether a checkpoint may hold it: exactly these types, none derived from them."""
    if type(blueprint) is dict:
        return all(type(name) is str and plain(value) for name, value in blueprint.items())
    if type(blueprint) is list:
        return all(map(plain, blueprint))
    return blueprint is None or type(blueprint) in (bool, int, float, str)


@pytest.mark.parametrize("part", EQUAL_PARTS, ids=lambda part: type(part).__name__)
def test_a_part_built_from_its_blueprint_is_equal(part: Any) -> None:
    blueprint = describe(part)
    assert plain(blueprint)
    assert rebuild(blueprint, "x") == part


@pytest.mark.parametrize("make", NETWORKS)
def test_a_network_built_from_its_blueprint_takes_all_weights_and_computes_the_same(
    make: Callable[[], nn.Module],
) -> None:
    network = make().eval()
    blueprint = describe(network)
    assert plain(blueprint)
    again = rebuild(blueprint, "x").eval()
    assert str(again) == str(network)
    again.load_state_dict(network.state_dict(), strict=True)
    channels = next(network.parameters()).shape[1]
    images = torch.rand(2, channels, 16, 16)
    assert torch.equal(again(images), network(images))


@pytest.mark.parametrize(
    "call",
    [
        partial(nt_xent, temperature=0.3),
        partial(info_nce, temperature=1),
        partial(torch.optim.SGD, lr=0.1, momentum=0.9),
        partial(torch.optim.AdamW, lr=1e-3, betas=(0.8, 0.9)),
    ],
    ids=lambda call: call.func.__name__,
)
def test_a_call_to_be_made_keeps_function_and_arguments(call: "partial[Any]") -> None:
    blueprint = describe(call)
    assert plain(blueprint)
    again = rebuild(blueprint, "x")
    assert (again.func, again.args, again.keywords) == (call.func, (), call.keywords)


def test_an_argument_by_place_is_kept_by_name() -> None:
    again = rebuild(describe(partial(torch.optim.SGD, momentum=0.5)), "x")
    assert again.keywords == {"momentum": 0.5}
    assert describe(torch.optim.SGD) == {"_target_": "torch.optim.SGD", "_partial_": True}


def test_numpys_numbers_become_pythons() -> None:
    blueprint = describe(partial(torch.optim.SGD, lr=np.float64(0.1), foreach=np.bool_(True).item()))
    assert plain(blueprint)
    assert blueprint["lr"] == 0.1
    assert describe((np.int64(3), np.float32(0.5), True)) == [3, 0.5, True]
    assert [type(x) for x in describe((np.int64(3), np.float32(0.5), True))] == [int, float, bool]


class OwnBackbone(nn.Module):
    features = 4


class AsLarge(SmallConvNet):
    """Of our class's kind, but the user's own."""


def test_what_only_the_users_code_can_make_is_named() -> None:
    blueprint = describe(Encoder(OwnBackbone(), features=4))
    assert plain(blueprint)
    assert find_own(blueprint) == f"{__name__}.OwnBackbone"
    assert find_own(describe(AsLarge((4,), (1,)))) == f"{__name__}.AsLarge"
    assert "<lambda>" in str(find_own(describe(lambda a, b: (a - b).square().sum())))
    assert find_own(describe(partial(torch.optim.Rprop, lr=0.1))) == "torch.optim.rprop.Rprop"
    assert find_own(describe(partial(torch.optim.SGD, lr=torch.tensor(0.1)))) == "torch.Tensor"
    assert find_own(describe(ResNet(18))) is None
