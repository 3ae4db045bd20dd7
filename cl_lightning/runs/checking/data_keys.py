"""Keys of `data` that have no effect."""

import re
import sys
from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from cl_lightning.blueprints import ConfigError, shown
from cl_lightning.files import printable

# cl-train reads them.
TAKEN = ("name", "batch_size", "num_workers", "max_broken", "positives", "train", "val", "bank")
# Keys in conf/data to which other keys refer.
KNOWN = (
    *("root", "download", "seed", "resolution", "val_fraction", "labels"),
    *("size", "channels", "stem", "mean", "std"),
)
REFERENCE = re.compile(r"data\.(\w+)|\$\{\.+(\w+)")  # ${data.size}, or ${..size} within data.train
TYPED = re.compile(r"\+{0,2}data\.(\w+)[.=]")


def check_effect(cfg: Any, overrides: Iterable[str]) -> None:
    """Check that each key of `data` has an effect; warns about typed keys without one.

    Args:
        cfg: the composed config, not resolved.
        overrides: the overrides as the user typed them.

    Raises:
        ConfigError: a key is unknown, and no other key refers to it.
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
                f"data.{name} is {shown(value)}, but nothing uses it; accepted: "
                f"{', '.join((*TAKEN, *KNOWN))}, or another key that refers to it by ${{data.{name}}}"
            )
        if name in typed:
            what = f"data.{name}={printable(str(value))} has no effect: nothing in this config uses it"
            print(f"warning: {what}", file=sys.stderr)


def references(node: Any) -> set[str]:
    """The keys of `data` to which a config's interpolations refer."""
    if isinstance(node, dict):
        return {name for value in node.values() for name in references(value)}
    if isinstance(node, list):
        return {name for value in node for name in references(value)}
    if not isinstance(node, str) or "${" not in node:
        return set()
    return {name for pair in REFERENCE.findall(node) for name in pair if name}
