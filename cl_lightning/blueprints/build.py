"""Builds objects from their blueprints. This is the only place that turns names into code."""

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
from cl_lightning.blueprints.describe import OWN, PARTIAL, TARGET, find_own, remember
from cl_lightning.blueprints.own_data import KEYS, find_data_set
from cl_lightning.blueprints.own_parts import OwnPartError, find_own_part
from cl_lightning.blueprints.targets import targets, targets_of_checkpoints

EXTRAS = ("timm",)  # packages that an extra of the same name brings
Find = Callable[
    [Mapping[str, Any], str], Callable[..., Any]
]  # finds the target of a node, from it and its key
_WHOLE_NUMBERS_ARE_FLOATS = BeartypeConf(is_pep484_tower=True)


def build(node: Any, key: str, **arguments: Any) -> Any:
    """The object that a config node describes.

    Args:
        node: a mapping of `_target_`, its arguments, and `_partial_` (true for a `functools.partial`). A
            target is in `targets()`, or `allow` or an entry point allows it; directly below `data` it may be
            a user's data set. Inner nodes are built first. A `name` that is not an argument is only a label.
        key: the node's key in the config, for messages.
        arguments: further arguments that only code can pass, such as the encoder of a method.

    Raises:
        ConfigError: the target is not allowed, an argument is unknown, a value has the wrong type, or the
            target itself refuses a value.
    """
    return _made(node, key, _of_a_config, arguments)


def rebuild(blueprint: Any, key: str) -> Any:
    """The object that a checkpoint's blueprint describes (see `describe`).

    As `build`, but only for the components of methods (`targets_of_checkpoints`), and for those parts of the
    user's own code that this process or an installed package allows (`find_own_part`). So the author of a
    checkpoint can't choose other code of the user, or code that reads or writes other files.

    Raises:
        OwnPartError: a part of the user's own code can't be made again here; says why.
        ConfigError: as in `build`.
    """
    try:
        return _made(blueprint, key, _of_a_checkpoint, {})
    except ConfigError as error:
        own = find_own(blueprint)
        if own is None or isinstance(error, OwnPartError):
            raise
        raise OwnPartError(
            own, f"which can't be made again here ({error})", "its package as it was"
        ) from error


def _made(node: Any, key: str, find: Find, arguments: Mapping[str, Any]) -> Any:
    if not isinstance(node, Mapping):
        raise ConfigError(f"{key} is {shown(node)}; accepted: keys below it (_target_ and its arguments)")
    target = find(node, key)
    with refused(key):
        parameters = inspect.signature(target).parameters
    labels = {TARGET, PARTIAL, OWN} | ({"name"} - set(parameters))
    given = {n: _value(value, f"{key}.{n}", find) for n, value in node.items() if n not in labels}
    _check(parameters, given, key)
    given |= arguments
    with refused(key):
        made = partial(target, **given) if node.get(PARTIAL) else target(**given)
    if node[TARGET] not in targets() and key not in KEYS and not arguments:
        remember(made, node)
    return made


def _of_a_config(node: Mapping[str, Any], key: str) -> Callable[..., Any]:
    name = node.get(TARGET)
    if isinstance(name, str) and name in targets():
        return _listed(name, key)
    return (find_data_set if key in KEYS else find_allowed)(name, f"{key}._target_")


def _of_a_checkpoint(node: Mapping[str, Any], key: str) -> Callable[..., Any]:
    if OWN in node:
        return find_own_part(node, key)
    name = node.get(TARGET)
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
        if TARGET in value or OWN in value:
            return _made(value, key, find, {})
        return {k: _value(v, f"{key}.{k}", find) for k, v in value.items()}
    return tuple(_value(v, key, find) for v in value) if isinstance(value, list) else value


def _check(parameters: Mapping[str, inspect.Parameter], given: dict[str, Any], key: str) -> None:
    """Refuse arguments that do not fit the parameters, and convert the others to the required form."""
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
    """The Python values that a config value can stand for; the preferred one first."""
    yield value
    if isinstance(value, tuple):
        yield list(value)
    elif isinstance(value, str):
        yield Path(value)


def _hint(parameter: inspect.Parameter) -> Any:
    """The annotation of a parameter; without one, the type of its default if that is a number."""
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
    except BeartypeException:  # a user's annotation that is not a type
        return True
