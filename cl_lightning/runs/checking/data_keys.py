"""Keys of `data` that nothing in a config takes."""

import re
import sys
from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cl_lightning.blueprints import ConfigError, shown
from cl_lightning.files import printable

TAKEN = ("name", "batch_size", "num_workers", "max_broken", "train", "val", "bank")  # by cl-train itself
# Those of conf/data that others refer to.
KNOWN = (
    *("root", "download", "seed", "resolution", "val_fraction", "labels"),
    *("size", "channels", "stem", "mean", "std"),
)
REFERENCE = re.compile(r"data\.(\w+)|\$\{\.+(\w+)")  # ${data.size}, or ${..size} within data.train
TYPED = re.compile(r"\+{0,2}data\.(\w+)[.=]")


def check_effect(cfg: Any, overrides: Iterable[str]) -> None:
    """That each key of `data` has an effect; tells of those that were typed for nothing.

    Args:
        cfg: composed, not resolved.
        overrides: as they were typed.

    Raises:
        ConfigError: a key that no data set has, and that no other key refers to.
    """
    if not isinstance(cfg.get("data"), DictConfig):
        return
    taken = {*TAKEN, *references(OmegaConf.to_container(cfg, resolve=False))}
    typed = {found[1] for override in overrides if (found := TYPED.match(override))}
    for name, value in cfg.data.items():
        if name in taken or value is None:
            continue
        if name not in KNOWN:
            raise ConfigError(
                f"data.{name} is {shown(value)}, and nothing takes it; accepted: "
                f"{', '.join((*TAKEN, *KNOWN))}, or another key that refers to it by ${{data.{name}}}"
            )
        if name in typed:
            words = f"data.{name}={printable(str(value))} has no effect: nothing in this config takes it"
            print(f"warning: {words}", file=sys.stderr)


def references(node: Any) -> set[str]:
    """The keys of `data` that a config's interpolations name."""
    if isinstance(node, dict):
        return {name for value in node.values() for name in references(value)}
    if isinstance(node, list):
        return {name for value in node for name in references(value)}
    if not isinstance(node, str) or "${" not in node:
        return set()
    return {name for pair in REFERENCE.findall(node) for name in pair if name}
