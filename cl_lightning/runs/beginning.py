"""The weights with which a new run begins."""

from collections.abc import Mapping
from typing import Any

from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.runs.folder import RunFolder


def begin(method: ContrastiveModule, config: Mapping[str, Any], folder: RunFolder) -> None:
    """Load the weights of `init` into the method of a run that has no checkpoint of its own, and print which.

    Raises:
        ConfigError: they can't be read, or don't fit; says why, and what to change.
    """
    init = config.get("init") or {}
    if init.get("weights") is None or folder.checkpoint.is_file():
        return
    from cl_lightning.weights import init_weights  # only here, for a quick start without it

    init_weights(method, init["weights"], init["parts"])
