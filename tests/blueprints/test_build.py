from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from cl_lightning.blueprints import ConfigError, build
from cl_lightning.blueprints.accepted import accepted
from cl_lightning.optim import WarmupCosine

SCHEDULE = {"_target_": "cl_lightning.optim.WarmupCosine"}
ADAMW = {"_target_": "torch.optim.AdamW", "_partial_": True}


def test_a_node_becomes_its_object_and_a_list_a_tuple() -> None:
    assert build(SCHEDULE | {"warmup_epochs": 2}, "schedule") == WarmupCosine(warmup_epochs=2)
    optimizer = build(ADAMW | {"lr": 1, "betas": [0.9, 0.99]}, "optimizer")
    assert (optimizer.func, optimizer.keywords) == (torch.optim.AdamW, {"lr": 1, "betas": (0.9, 0.99)})


def test_inner_nodes_are_built_and_a_name_is_a_label() -> None:
    node = {
        "_target_": "cl_lightning.encoders.Encoder",
        "name": "small",
        "backbone": {
            "_target_": "cl_lightning.encoders.SmallConvNet",
            "widths": [4],
            "strides": [2],
            "channels": 1,
        },
    }
    assert build(node, "encoder").features == 4


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            {"_target_": "os.system"},
            r"x\._target_ is 'os.system'; accepted: one of the OPTIONS of cl_lightning",
        ),
        ({"_target_": "cl_lightning.blueprints.build.build"}, r"x\._target_ is"),
        ({"_target_": ["torch.optim.SGD"]}, r"x\._target_ is"),
        ({}, r"x\._target_ is None"),
        (None, "x is null; accepted: keys below it"),
        (SCHEDULE | {"warmup": 1}, r"x\.warmup is not an argument; accepted: warmup_epochs, final_fraction"),
        (SCHEDULE | {"warmup_epochs": True}, r"x\.warmup_epochs is true; accepted: a number"),
        (SCHEDULE | {"lr_scaling": None}, r"x\.lr_scaling is null; accepted: none, linear, sqrt"),
        (SCHEDULE | {"warmup_epochs": -1}, "schedule.warmup_epochs is -1; accepted: 0 or more"),
        (ADAMW | {"betas": 1}, r"x\.betas is 1; accepted: a list \(a number each\)"),
        ({"_target_": "timm.optim.Lars", "lr": "fast"}, r"x\.lr is 'fast'; accepted: a number"),
        ({"_target_": "torch.optim.SGD"}, "x: .*missing 1 required positional argument: 'params'"),
    ],
)
def test_what_is_refused_and_how(node: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(node, "x")


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int | None, "a whole number, null"),
        (float | int, "a number"),
        (float | Tensor, "a number"),
        (Literal["a", "b"] | bool, "a, b, true, false"),
        (Sequence[int], "a list (a whole number each)"),
        (tuple[float, float], "a list (a number each)"),
        (list[Tensor] | None, "null"),
        (dict[str, int] | str, "keys with values, text"),
        (Callable[[int], int] | None, "null"),
    ],
)
def test_types_are_told_in_the_words_of_a_config(hint: Any, words: str) -> None:
    assert accepted(hint) == words
