"""Applies the BatchNorm policy to every BatchNorm layer of a network."""

import warnings

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _LazyNormBase

from cl_lightning.encoders.batch_norm import POLICIES, PolicyBatchNorm, wide

WITHOUT_CODE_OF_ITS_OWN = (_BatchNorm.forward, nn.SyncBatchNorm.forward, PolicyBatchNorm.forward)


def apply_policy(network: nn.Module, policy: str, groups: int) -> None:
    """Replace every BatchNorm inside `network` by a `PolicyBatchNorm`, in place.

    Parameters and buffers stay the same objects with the same names, so state dicts and optimizers stay
    valid. Raises ValueError for an unknown policy, for fewer than one group, and for a BatchNorm that cannot
    be replaced. Warns if the setting has no effect.
    """
    if policy not in POLICIES:
        raise ValueError(
            f"unknown BatchNorm policy {policy!r}: set encoder.batch_norm to one of {', '.join(POLICIES)}."
        )
    if groups < 1:
        raise ValueError(f"{groups} BatchNorm groups: set encoder.batch_norm_groups to 1 or more.")
    replaced: dict[nn.Module, PolicyBatchNorm] = {}
    for path, parent in list(network.named_modules()):
        for name, child in list(parent._modules.items()):
            if isinstance(child, _BatchNorm):
                if child not in replaced:
                    replaced[child] = _converted(child, policy, groups, f"{path}.{name}".lstrip("."))
                setattr(parent, name, replaced[child])
    _warn_without_effect(policy, groups, bool(replaced))


def _warn_without_effect(policy: str, groups: int, has_batch_norm: bool) -> None:
    grouped = policy in ("split", "shuffle")
    if not has_batch_norm and policy != "sync":
        warnings.warn(
            f"encoder.batch_norm={policy} has no effect: the encoder has no BatchNorm.", stacklevel=4
        )
    elif grouped and groups == 1:
        warnings.warn(
            f"encoder.batch_norm={policy} has no effect with encoder.batch_norm_groups=1.", stacklevel=4
        )
    elif not grouped and groups > 1:
        warnings.warn(
            f"encoder.batch_norm_groups={groups} has no effect with encoder.batch_norm={policy}: "
            "only split and shuffle have groups.",
            stacklevel=4,
        )


def _converted(old: _BatchNorm, policy: str, groups: int, name: str) -> PolicyBatchNorm:
    after = getattr(old, "after", None)
    if type(old).forward not in WITHOUT_CODE_OF_ITS_OWN:
        after = _activation(old, name)
    mean, var, batches = old.running_mean, old.running_var, old.num_batches_tracked
    if isinstance(old, _LazyNormBase) or mean is None or var is None or batches is None:
        raise ValueError(
            f"{name} is a BatchNorm without running statistics, or a lazy one: the backbone needs "
            "layers with a known number of features and track_running_stats=True (encoder.backbone)."
        )
    new = PolicyBatchNorm(old.num_features, old.eps, old.momentum, old.affine, policy, groups, after)
    new.weight, new.bias = old.weight, old.bias
    new.running_mean, new.running_var, new.num_batches_tracked = wide(mean), wide(var), batches
    return new.train(old.training)


def _activation(old: _BatchNorm, name: str) -> nn.Module:
    """The layers that timm's BatchNormAct2d applies after the normalisation."""
    drop, activation = getattr(old, "drop", None), getattr(old, "act", None)
    if not isinstance(drop, nn.Module) or not isinstance(activation, nn.Module):
        raise ValueError(
            f"{name} is a {type(old).__name__}, whose forward no BatchNorm policy can take over: "
            "use torch.nn.BatchNorm layers or timm's BatchNormAct2d (encoder.backbone)."
        )
    return nn.Sequential(drop, activation)
