"""Conversion of a network's BatchNorm layers, its refusals and its warnings."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from cl_lightning.encoders import PolicyBatchNorm, apply_policy


def nested() -> nn.Sequential:
    inner = nn.ModuleDict({"norm": nn.BatchNorm2d(4, eps=1e-3, momentum=0.2), "other": nn.InstanceNorm2d(4)})
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), inner, nn.ModuleList([nn.BatchNorm1d(7, affine=False, momentum=None)])
    )


def test_every_nested_batch_norm_is_replaced_and_nothing_else():
    network = nested()
    apply_policy(network, "split", 2)
    kinds = [type(layer) for layer in network.modules() if isinstance(layer, _BatchNorm)]
    assert kinds == [PolicyBatchNorm, PolicyBatchNorm]
    assert type(network[1]["other"]) is nn.InstanceNorm2d
    assert network[1]["norm"].policy == "split"
    assert network[1]["norm"].groups == 2


def test_settings_and_state_survive_under_the_same_names():
    network = nested().eval()
    before = dict(network.state_dict(keep_vars=True))
    apply_policy(network, "sync", 1)
    after = dict(network.state_dict(keep_vars=True))
    assert list(before) == list(after)
    assert all(after[name] is value for name, value in before.items())
    norm, bare = network[1]["norm"], network[2][0]
    assert (norm.eps, norm.momentum, norm.affine, norm.training) == (1e-3, 0.2, True, False)
    assert (bare.affine, bare.momentum, bare.weight, bare.bias) == (False, None, None, None)


def test_frozen_parameters_stay_frozen():
    network = nested()
    network[1]["norm"].weight.requires_grad = False
    apply_policy(network, "sync", 1)
    assert not network[1]["norm"].weight.requires_grad
    assert network[1]["norm"].bias.requires_grad


def test_a_layer_used_at_two_places_stays_one_layer():
    shared = nn.BatchNorm1d(4)
    network = nn.Sequential(shared, nn.ReLU(), shared)
    apply_policy(network, "sync", 1)
    assert type(network[0]) is PolicyBatchNorm
    assert network[0] is network[2]


def test_a_second_policy_replaces_the_first():
    network = nn.Sequential(nn.BatchNorm1d(4), nn.SyncBatchNorm(4))
    apply_policy(network, "split", 2)
    apply_policy(network, "plain", 1)
    assert [(layer.policy, layer.groups) for layer in network] == [("plain", 1), ("plain", 1)]


def test_timm_layers_keep_their_activation():
    timm = pytest.importorskip("timm.layers")
    network = nn.Sequential(timm.BatchNormAct2d(4))
    x = torch.randn(8, 4, 3, 3)
    expected = network(x)
    apply_policy(network, "sync", 1)
    apply_policy(network, "sync", 1)
    assert type(network[0]) is PolicyBatchNorm
    torch.testing.assert_close(network(x), expected)
    assert network(x).min() == 0


class Shifted(nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) + 1


@pytest.mark.parametrize(
    "layer",
    [Shifted(4), nn.LazyBatchNorm1d(), nn.BatchNorm1d(4, track_running_stats=False)],
    ids=["own forward", "lazy", "no running statistics"],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_a_layer_that_cannot_be_replaced_is_named(layer):
    with pytest.raises(ValueError, match=r"^head\.norm is a .*encoder\.backbone"):
        apply_policy(nn.ModuleDict({"head": nn.ModuleDict({"norm": layer})}), "sync", 1)


def test_an_unknown_policy_is_refused():
    with pytest.raises(
        ValueError, match=r"'ghost'.*encoder\.batch_norm to one of sync, split, shuffle, plain"
    ):
        apply_policy(nested(), "ghost", 1)


def test_no_groups_are_refused():
    with pytest.raises(ValueError, match=r"encoder\.batch_norm_groups to 1 or more"):
        apply_policy(nested(), "split", 0)


@pytest.mark.parametrize(("policy", "groups"), [("sync", 4), ("plain", 4), ("split", 1), ("shuffle", 1)])
def test_groups_without_effect_warn(policy, groups):
    with pytest.warns(
        UserWarning, match=rf"batch_norm_groups={groups}.*no effect|no effect.*groups={groups}"
    ):
        apply_policy(nested(), policy, groups)


@pytest.mark.parametrize(("policy", "groups"), [("sync", 1), ("plain", 1), ("split", 4), ("shuffle", 4)])
def test_a_setting_with_effect_does_not_warn(policy, groups):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apply_policy(nested(), policy, groups)


def test_a_policy_for_a_network_without_batch_norm_warns():
    with pytest.warns(UserWarning, match="no BatchNorm"):
        apply_policy(nn.Sequential(nn.Linear(2, 2)), "split", 4)
