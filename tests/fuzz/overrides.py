"""Random overrides of the small configs: what a user might type, and what nobody would."""

import functools
import random
from typing import Any

from omegaconf import DictConfig

from tests.small import OPTIONS, SMALL, SMALL_MOCO, composed

BASES = {"simclr": SMALL, "moco_v2": (*SMALL, *SMALL_MOCO)}
ALWAYS = "trainer.max_steps=2"
VALUES = (
    *(
        "null",
        "-1",
        "0",
        "1",
        "2",
        "3",
        "7",
        "1.5",
        "0.5",
        "-0.5",
        "1e9",
        "1e-12",
        "1e300",
        "nan",
        "inf",
        "-inf",
    ),
    *("1000000000", "-1000000000", "100000000000000000000", "true", "false", "''", "x", "中", "'a b'", "'1'"),
    *("auto", "[]", "[1]", "[0]", "[-1]", "[x]", "[1,2]", "[0.5,2]", "[null]", "[[1]]", "{}", "{a:1}", "???"),
    *("'../x'", "'a/b'", "os.system", "cl_lightning.SimCLR", "torch.optim.SGD", "y" * 300),
    *("${seed}", "${nothing}", "'%s'", "'{}'", "'a\\nb'", "9223372036854775807", "4294967296"),
)
# Several processes and nodes have tests of their own: they take seconds to start, or wait for others.
NOT_CHOSEN = (("trainer", "ddp_cpu"), ("logger", "mlflow"), ("logger", "wandb"))
LEFT_OUT = ("trainer.devices", "trainer.num_nodes", "trainer.max_steps")


@functools.cache
def base(method: str) -> DictConfig:
    return composed(*BASES[method])


@functools.cache
def keys(method: str) -> list[tuple[str, Any]]:
    """All leaves of the composed config, and the groups and parts that hold them, with their values."""
    return [item for item in _below(base(method), "") if not item[0].startswith(LEFT_OUT)]


def _below(node: DictConfig, prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in node:
        value = node._get_node(name)
        key = f"{prefix}{name}"
        found.append((key, None if isinstance(value, DictConfig) else value._value()))
        if isinstance(value, DictConfig) and not value._is_none():
            found += _below(value, f"{key}.")
    return found


def case(number: int) -> list[str]:
    """The arguments of case `number`; the same in every run."""
    drawn = random.Random(number)
    method = drawn.choice(list(BASES))
    return [*BASES[method], ALWAYS, *(_override(drawn, method) for _ in range(drawn.choice((1, 1, 1, 2, 3))))]


def _override(drawn: random.Random, method: str) -> str:
    kind = drawn.random()
    key, value = drawn.choice(keys(method))
    if kind < 0.08:
        return "{}={}".format(*drawn.choice([option for option in OPTIONS if option not in NOT_CHOSEN]))
    if kind < 0.13:
        return f"~{key}"
    if kind < 0.18:
        return f"+{key}{drawn.choice(['.new', 'x', ''])}={drawn.choice(VALUES)}"
    near = _near(value)
    if near and kind < 0.6:
        return f"{key}={drawn.choice(near)}"
    return f"{key}={drawn.choice(VALUES)}"


def _near(value: Any) -> list[str]:
    """Other values of the same type."""
    if isinstance(value, bool):
        return [str(not value).lower()]
    if isinstance(value, int):
        return [str(v) for v in (value + 1, value - 1, 2 * value, value // 2, -value)]
    if isinstance(value, float):
        return [str(v) for v in (2 * value, value / 2, 1 - value, 1 + value, -value)]
    return []
