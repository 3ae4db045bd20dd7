"""Every key of every option in conf/ changes what is built from it, or is refused."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from cl_lightning.blueprints import ConfigError
from cl_lightning.commands import resolved
from cl_lightning.runs.assemble import assemble_callbacks, assemble_data, assemble_method
from cl_lightning.runs.identity import flat
from tests.data.archives import make_cifar100, make_imagenette, make_stl10
from tests.data.photos import write_photos
from tests.docs.readme_world import make_cifar10
from tests.runs import effects
from tests.small import OPTIONS, composed

ALIKE = [f"resnet{depth}" for depth in (34, 50, 101, 152)]  # of resnet18, but for the depth
GROUPS = ("views", "encoder", "loss", "optimizer", "schedule", "method", "callbacks", "data")
PARTS = [(g, o) for g, o in OPTIONS if g in GROUPS and o not in ("custom", *ALIKE)]
LABELS = ("name", "_target_", "_partial_")
SMALL = ("encoder=small_conv_net", "encoder.backbone.widths=[4,8]", "encoder.backbone.strides=[2,2]")
OF_THE_METHOD = [f"data.{name}" for name in ("size", "channels", "stem", "mean", "std")]
# Shown elsewhere.
ELSEWHERE = {
    **{f"data{part}.download": "test_download" for part in ("", ".train", ".val", ".bank")},
    "schedule.shorten": "test_short_runs: who gave the warm-up decides it",
    "encoder.compile": "test_compile: what is computed is the same",
    "encoder.batch_norm_groups": "test_policy: told where the policy has no groups",
}
# What the key needs to be used, before it is changed.
GIVEN = {
    "optimizer.trust_clip": ("optimizer.lr=1e-6",),
    "optimizer.amsgrad": ("optimizer.betas=[0.5,0.5]",),
    "data.stem": ("encoder=resnet18",),
    "data.channels": ("encoder=resnet18",),
}
# Where `other` makes no value that would do.
VALUES: dict[str, Any] = {
    "views.crop_scale": [0.5, 0.6],
    "views.scale": [0.5, 0.6],
    "views.jitter": [0.1, 0.2, 0.3, 0.1],
    **dict.fromkeys(("views.greyscale", "views.solarize"), 0.9),
    "encoder.batch_norm": "plain",
    "encoder.backbone.depth": 34,
    "encoder.backbone.model": "test_resnet",
    "encoder.backbone.size": 64,
    "encoder.hidden_features": 24,
    "encoder.features": 7,
    "encoder.backbone.strides": [1, 2],
    "optimizer.betas": [0.5, 0.9],
    "schedule.lr_scaling": "sqrt",
    "schedule.warmup_epochs": 3,
    "schedule.decay_share": 0.7,
    "callbacks.momentum_encoder.schedule": "cosine",
    "callbacks.preemption.signals": ["SIGUSR2"],
    "callbacks.checkpoint.every_minutes": 5.0,
    "data.resolution": "320px",
}
CHOICES = {"split": {"val": "train", "test": "train", "unlabeled": "train+unlabeled", "train": "test"}}


@cache
def base(group: str, option: str, *more: str) -> Any:
    small = () if group == "encoder" or "encoder=resnet18" in more else SMALL
    model = ("encoder.backbone.model=test_vit", "data.size=32") if option == "timm" else ()
    fitting = next((f"method={name}" for end, name in METHODS.items() if option.endswith(end)), None)
    method = () if fitting is None else (fitting,)
    choice = () if group == "method" and option == "simclr" else (f"{group}={option}",)
    colours = ("data=digits",) if (group, option) == ("views", "digits") else ()
    files = (*DATA[option], "data.batch_size=2") if option in DATA else ()
    return composed(*colours, *method, *choice, *small, *model, *files, *more)


METHODS = {"info_nce": "moco_v2", "neighbour_nce": "nnclr"}  # of losses, by how their names end
DATA = {
    **{name: (f"data.root={name}",) for name in ("cifar10", "cifar100", "stl10", "imagenette", "imagenet")},
    "image_folder": ("data.root=photos", "data.val_fraction=0.5"),
}


def make(option: str, patch: pytest.MonkeyPatch) -> None:
    """Tiny files of a data set."""
    root = Path(option)
    if option in ("cifar10", "cifar100", "stl10"):
        {"cifar10": make_cifar10, "cifar100": make_cifar100, "stl10": make_stl10}[option](root, patch)
    elif option == "imagenette":
        make_imagenette(root, patch, "http://127.0.0.1:9")
    elif option == "imagenet":
        names = [f"{part}/{kind}/{n}.png" for part in ("train", "val") for kind in "ab" for n in (1, 2)]
        write_photos(root, *names)
    elif option == "image_folder":
        write_photos(Path("photos"), *(f"{kind}/{n}.png" for kind in "ab" for n in range(6)))


def other(key: str, value: Any) -> Any:
    """A value that differs, and fits where it can."""
    name = key.rpartition(".")[2]
    if key in VALUES:
        return VALUES[key]
    if name in CHOICES:
        return CHOICES[name].get(value, "train")
    if name in ("val_fraction", "labels", "resolution", "root"):
        return {"val_fraction": 0.2, "labels": False, "resolution": "320px", "root": "elsewhere"}[name]
    if name == "stem":
        return "cifar" if value == "imagenet" else "imagenet"
    if value is None:
        return 1 if name == "limit" else 2
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [other("", each) for each in value]
    if isinstance(value, str):
        return f"{value}x"
    return value + 1 if isinstance(value, int) else round(value * 0.7 + 0.013, 6)


def effect(group: str, config: dict[str, Any], of_sets: bool) -> Any:
    """What is built from a config, of its images only where those are `of_sets`; or why it is refused."""
    try:
        if group == "callbacks":
            return effects.of_callbacks(assemble_callbacks(config, Path()))
        if of_sets:
            return effects.of_data(assemble_data(config))
        return effects.of_method(assemble_method(config))
    except ConfigError as error:
        return str(error)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of settings that are odd
@pytest.mark.parametrize(("group", "option"), PARTS, ids=map("=".join, PARTS))
def test_every_key_changes_what_is_built_or_is_refused(
    group: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if group == "data":
        make(option, monkeypatch)
    keys = flat(OmegaConf.to_container(base(group, option)[group], resolve=True), f"{group}.")
    without = []
    before: dict[Any, Any] = {}
    for key, value in keys.items():
        if key.rpartition(".")[2] in LABELS or key in ELSEWHERE or (value is None and key == "data.root"):
            continue
        known = GIVEN.get(key, ()), group == "data" and key not in OF_THE_METHOD
        config = base(group, option, *known[0])
        if known not in before:
            before[known] = effect(group, resolved(config), known[1])
            assert not isinstance(before[known], str), before[known]
        changed = copy.deepcopy(config)
        OmegaConf.update(changed, key, other(key, value))
        if effect(group, resolved(changed), known[1]) == before[known]:
            without.append(f"{key}={other(key, value)}")
    assert without == []
