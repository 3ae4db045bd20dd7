"""The values of the recipes are the published ones."""

from typing import Any

import pytest
import torch
from torch import nn

from cl_lightning.blueprints import build
from tests.small import config

# SimCLR: arXiv 2002.05709 (CIFAR-10: appendix B.9) and its official code; MoCo v2: arXiv 2003.04297 and its
# official code (CIFAR-10: the authors' demo, with MoCo v2's head); Imagenette: lightly's benchmark of both.
# Jitter of strength s is [0.8 s, 0.8 s, 0.8 s, 0.2 s]; lr is the peak, after scaling with the batch.
PUBLISHED = """
                        simclr    simclr    simclr      moco_v2   moco_v2   moco_v2
                        imagenet  cifar10   imagenette  imagenet  cifar10   imagenette
epochs                  100       1000      800         200       800       800
batch                   4096      1024      256         256       512       256
pixels                  224       32        128         224       32        128
smallest_crop           0.08      0.08      0.08        0.2       0.08      0.08
jitter_strength         1         0.5       0.5         0.5       0.5       0.5
jitter_probability      0.8       0.8       0.8         0.8       0.8       0.8
grey                    0.2       0.2       0.2         0.2       0.2       0.2
blur                    0.5       0         0.5         0.5       0         0.5
flip                    0.5       0.5       0.5         0.5       0.5       0.5
resnet                  50        50        18          50        18        18
stem                    imagenet  cifar     imagenet    imagenet  cifar     imagenet
projector               2048-2048-128 2048-2048-128 512-512-128 2048-2048-128 512-512-128 512-2048-128
projector_batch_norms   2         2         2           0         0         0
batch_norm              sync      sync      sync        shuffle   shuffle   shuffle
batch_norm_groups       1         1         1           8         8         8
temperature             0.1       0.5       0.5         0.2       0.1       0.1
queue                   -         -         -           65536     4096      4096
encoder_momentum        -         -         -           0.999     0.99      0.99
momentum_schedule       -         -         -           constant  constant  constant
symmetric               -         -         -           False     True      True
optimizer               Lars      Lars      SGD         SGD       SGD       SGD
lr                      4.8       4.0       0.06        0.03      0.06      0.06
scaling                 linear    linear    linear      linear    linear    linear
warmup_epochs           10        10        0           0         0         0
last_lr                 0         0         0           0         0         0
momentum                0.9       0.9       0.9         0.9       0.9       0.9
nesterov                False     False     False       False     False     False
weight_decay            1e-6      1e-6      5e-4        1e-4      5e-4      5e-4
all_decay               False     False     True        True      True      True
precision               32        32        32          32        32        32
"""
METHOD, DATA, *ROWS = (line.split() for line in PUBLISHED.strip().splitlines())
COLUMNS = [f"{method}_{data}" for method, data in zip(METHOD, DATA, strict=True)]
TABLE = {column: {name: row[i] for name, *row in ROWS} for i, column in enumerate(COLUMNS)}
# Those that nobody published: another recipe, but for these values.
FOLLOWS: dict[str, tuple[str, dict[str, str]]] = {
    "simclr_cifar100": ("simclr_cifar10", {}),
    "simclr_stl10": ("simclr_imagenette", {"epochs": "100", "pixels": "96"}),
    "moco_v2_cifar100": ("moco_v2_cifar10", {}),
    "moco_v2_stl10": ("moco_v2_imagenette", {"epochs": "100", "pixels": "96"}),
}
RECIPES = TABLE | {name: TABLE[other] | changes for name, (other, changes) in FOLLOWS.items()}


def pairs_and_loss(run: dict[str, Any]) -> dict[str, Any]:
    views = run["views"]
    queue, momentum = (run["callbacks"].get(name, {}) for name in ("negative_queue", "momentum_encoder"))
    strength = views["jitter"][0] / 0.8
    assert views["jitter"] == pytest.approx([0.8 * strength] * 3 + [0.2 * strength])
    return {
        "epochs": run["trainer"]["max_epochs"],
        "batch": run["data"]["batch_size"],
        "pixels": views["size"],
        "smallest_crop": views["crop_scale"][0],
        "jitter_strength": strength,
        "jitter_probability": views["jitter_probability"],
        "grey": views["greyscale"],
        "blur": views["blur"],
        "flip": views["flip"],
        "temperature": run["loss"]["temperature"],
        "queue": queue.get("length", "-"),
        "encoder_momentum": momentum.get("momentum", "-"),
        "momentum_schedule": momentum.get("schedule", "-"),
        "symmetric": run["method"].get("symmetric", "-"),
    }


def network(run: dict[str, Any]) -> dict[str, Any]:
    with torch.device("meta"):
        encoder = build(run["encoder"], "encoder")
    layers = [layer for layer in encoder.projector.modules() if isinstance(layer, nn.Linear)]
    norms = [m for m in encoder.projector.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    return {
        "resnet": encoder.backbone.depth,
        "stem": encoder.backbone.stem,
        "projector": "-".join(map(str, [layers[0].in_features, *(layer.out_features for layer in layers)])),
        "projector_batch_norms": len(norms),
        "batch_norm": encoder.batch_norm,
        "batch_norm_groups": encoder.batch_norm_groups,
    }


def training(run: dict[str, Any]) -> dict[str, Any]:
    schedule = build(run["schedule"], "schedule")
    optimizer = build(run["optimizer"], "optimizer")([torch.zeros(1, requires_grad=True)])
    settings = optimizer.param_groups[0]
    return {
        "optimizer": type(optimizer).__name__,
        "lr": settings["lr"] * schedule.scale(run["data"]["batch_size"]),
        "scaling": schedule.lr_scaling,
        "warmup_epochs": schedule.warmup_epochs,
        "last_lr": schedule.final_fraction,
        "momentum": settings["momentum"],
        "nesterov": settings["nesterov"],
        "weight_decay": settings["weight_decay"],
        "all_decay": run["method"]["decay_norms_and_biases"],
        "precision": run["trainer"]["precision"],
    }


def plain(value: Any) -> Any:
    try:
        return float(value)
    except ValueError:
        return str(value)


@pytest.mark.parametrize("name", RECIPES)
def test_every_value_of_a_recipe_is_the_published_one(name: str) -> None:
    run = config(f"experiment={name}")
    values = pairs_and_loss(run) | network(run) | training(run)
    assert values.keys() == RECIPES[name].keys()
    for key, published in RECIPES[name].items():
        assert plain(str(values[key])) == pytest.approx(plain(published)), key
