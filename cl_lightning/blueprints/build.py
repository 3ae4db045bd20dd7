"""Objects from their blueprints: the only place that turns names into code."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from beartype import BeartypeConf
from beartype.door import is_bearable
from beartype.roar import BeartypeException

from cl_lightning.blueprints.accepted import accepted
from cl_lightning.blueprints.allowed import find_allowed
from cl_lightning.blueprints.config_error import ConfigError, refused, shown
from cl_lightning.blueprints.own_data import KEYS, find_data_set
from cl_lightning.blueprints.targets import targets, targets_of_checkpoints

EXTRAS = ("timm",)  # packages that an extra of the same name brings
Find = Callable[[Any, str], Callable[..., Any]]  # of a target, by its name and the node's key
_WHOLE_NUMBERS_ARE_FLOATS = BeartypeConf(is_pep484_tower=True)


def build(node: Any, key: str, **arguments: Any) -> Any:
    """The object that a config node describes.

    Args:
        node: mapping of `_target_`, its arguments, and `_partial_` for a call to be made later. A target is
            one of `targets()`, or of what `allow` or an entry point allows; directly below `data` also a data
            set of the user's. Nodes inside are built first. A `name` that is no argument is the node's label.
        key: of the node in the config, for messages.
        arguments: those that only code can give, such as the encoder of a method.

    Raises:
        ConfigError: a target that may not be named, an unknown argument, a value of the wrong type, or
            what the target itself refuses.
    """
    return _made(node, key, _of_a_config, arguments)


def rebuild(blueprint: Any, key: str) -> Any:
    """The part that a checkpoint's blueprint describes (see `describe`).

    As `build`, but of a method's own parts only (`targets_of_checkpoints`): whoever wrote the checkpoint
    chooses none of the user's code, and nothing that reads or writes other files.
    """
    return _made(blueprint, key, _of_a_checkpoint, {})


def _made(node: Any, key: str, find: Find, arguments: Mapping[str, Any]) -> Any:
    if not isinstance(node, Mapping):
        raise ConfigError(f"{key} is {shown(node)}; accepted: keys below it (_target_ and its arguments)")
    target = find(node.get("_target_"), key)
    with refused(key):
        parameters = inspect.signature(target).parameters
    labels = {"_target_", "_partial_"} | ({"name"} - set(parameters))
    given = {n: _value(value, f"{key}.{n}", find) for n, value in node.items() if n not in labels}
    _check(parameters, given, key)
    given |= arguments
    with refused(key):
        return partial(target, **given) if node.get("_partial_") else target(**given)


def _of_a_config(name: Any, key: str) -> Callable[..., Any]:
    if isinstance(name, str) and name in targets():
        return _listed(name, key)
    return (find_data_set if key in KEYS else find_allowed)(name, f"{key}._target_")


def _of_a_checkpoint(name: Any, key: str) -> Callable[..., Any]:
    if not (isinstance(name, str) and name in targets_of_checkpoints()):
        raise ConfigError(
            f"{key}._target_ is {name!r}; accepted in a checkpoint: cl_lightning's own pairs, encoders, "
            "losses and schedules, and the optimizers of cl_lightning.optim.OPTIONS"
        )
    return _listed(name, key)


def _listed(name: str, key: str) -> Callable[..., Any]:
    module, attribute = name.rsplit(".", 1)
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        extra = f"cl_lightning[{missing}]" if missing in EXTRAS else missing
        raise ConfigError(
            f"{key}._target_ is {name}, but {missing} is missing; accepted: pip install '{extra}'"
        ) from error


def _value(value: Any, key: str, find: Find) -> Any:
    if isinstance(value, Mapping):
        if "_target_" in value:
            return _made(value, key, find, {})
        return {k: _value(v, f"{key}.{k}", find) for k, v in value.items()}
    return tuple(_value(v, key, find) for v in value) if isinstance(value, list) else value


def _check(parameters: Mapping[str, inspect.Parameter], given: dict[str, Any], key: str) -> None:
    """Refuses what the parameters do not take, and gives the rest the form that they ask for."""
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name, value in given.items():
        if name not in parameters:
            if takes_any:
                continue
            raise ConfigError(f"{key}.{name} is not an argument; accepted: {', '.join(parameters)}")
        hint = _hint(parameters[name])
        fitting = [form for form in _forms(value) if _fits(form, hint)]
        if not fitting:
            raise ConfigError(f"{key}.{name} is {shown(value)}; accepted: {accepted(hint)}")
        given[name] = fitting[0]


def _forms(value: Any) -> Iterator[Any]:
    """What a value of a config can be in code, ours first."""
    yield value
    if isinstance(value, tuple):
        yield list(value)
    elif isinstance(value, str):
        yield Path(value)


def _hint(parameter: inspect.Parameter) -> Any:
    """The annotation; of code without them, the type of a number that is the default."""
    if parameter.annotation is not parameter.empty:
        return parameter.annotation
    for kind, hint in ((bool, bool), (int, float), (float, float)):
        if isinstance(parameter.default, kind):
            return hint
    return Any


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(value, bool) and hint in (int, float):
        return False
    try:
        return is_bearable(value, hint, conf=_WHOLE_NUMBERS_ARE_FLOATS)
    except BeartypeException:  # an annotation of the user's that is no type
        return True
