"""The weights with which a new run begins."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.runs.contents import INIT, check_unchanged
from cl_lightning.runs.folder import RunFolder


def begin_weights(method: ContrastiveModule, config: Mapping[str, Any], folder: RunFolder) -> None:
    """Load the weights of `init` into the method of a run that has no checkpoint of its own.

    The start report tells what the method begins with.

    Raises:
        ConfigError: they can't be read, or don't fit; says why, and what to change.
    """
    init = config.get("init") or {}
    if init.get("weights") is None:
        return
    from cl_lightning.weights import begin, forget_named  # only here, for a quick start without it

    if folder.checkpoint.is_file():
        forget_named()  # they were read for the run's identity only
        return
    begun = begin(method, init["weights"], init["parts"])
    check_unchanged(INIT, config)
    settings = (begun.about or {}).get("settings", {})
    there, here = settings.get("data", {}).get("batch_size"), config["data"].get("batch_size")
    if there not in (None, here):
        differs = ("differs", f"batches of {there} images there, {here} here; weights don't depend on it")
        method.begun = replace(begun, lines=[*begun.lines, differs])
