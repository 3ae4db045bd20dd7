"""The description of a method in a checkpoint, and how the method is rebuilt from it."""

from typing import Any

from cl_lightning.blueprints import (
    ConfigError,
    OwnPartError,
    arguments,
    describe,
    find_own,
    rebuild,
)
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.methods.versions import versions

HYPER_PARAMETERS = "hyper_parameters"  # Lightning's key for the values of save_hyperparameters


def saved(method: Any) -> dict[str, Any]:
    """The description of a method, in plain containers: its class, arguments, input and versions."""
    return {
        "method": type(method).__name__,
        "arguments": _arguments(method),
        "encoder": describe(method.encoder),  # a subclass may make it itself, without an argument
        "input": {name: _plain(getattr(method.views, name, None)) for name in ("size", "mean", "std")},
        "versions": versions(),
    }


def plain_hyper_parameters(kept: Any) -> dict[str, Any]:
    """The values of save_hyperparameters that can be stored as plain containers."""
    described = {str(name): describe(value) for name, value in kept.items()}
    return {name: value for name, value in described.items() if find_own(value) is None}


def _arguments(method: Any) -> dict[str, Any]:
    """The blueprints of a method's arguments, from its attributes, or else from `save_hyperparameters`."""
    kept = plain_hyper_parameters(method.hparams)
    return {
        name: kept[name] if name in kept and not hasattr(method, name) else blueprint
        for name, blueprint in arguments(method).items()
    }


def _plain(value: Any) -> Any:
    """A value with its tensors and arrays converted to numbers."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return describe(value.tolist() if hasattr(value, "tolist") else value)


def rebuilt(method: str, checkpoint: Checkpoint, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a checkpoint's method; those in `given` replace the checkpoint's.

    Raises:
        ValueError: the checkpoint is another method's, or an argument must be passed because it is the
            user's own code.
    """
    about, file = checkpoint.description, checkpoint.file
    if about["method"] != method:
        raise ValueError(f"{file} holds {about['method']}; accepted: {about['method']}.load_from_checkpoint")
    kept = checkpoint.content.get(HYPER_PARAMETERS, {})
    blueprints = {name: part for name, part in about["arguments"].items() if name not in given}
    blueprints |= {name: kept[name] for name in blueprints if name in kept and find_own(blueprints[name])}
    made, missing = _made(blueprints)
    if missing:
        ways = dict.fromkeys(error.allowing for error in missing.values() if error.allowing)
        arguments = ", ".join(f"{name}= ({error})" for name, error in missing.items())
        ways |= {f"load_from_checkpoint(path, ...) with {arguments}": None}
        raise ConfigError(f"{file} was written with parts of your own code; accepted: {', or '.join(ways)}")
    return made | given


def _made(blueprints: dict[str, Any]) -> tuple[dict[str, Any], dict[str, OwnPartError]]:
    """The arguments made from their blueprints, and why those of the user's own code can't be made again."""
    made, missing = {}, {}
    for name, part in blueprints.items():
        try:
            made[name] = _argument(part, name)
        except OwnPartError as error:
            missing[name] = error
    return made, missing


def _argument(part: Any, name: str) -> Any:
    if isinstance(part, dict):
        return rebuild(part, name)
    if own := find_own(part):
        raise OwnPartError(own, "in a list")
    return part
