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
from cl_lightning.blueprints.config_error import ConfigError, refused, shown
from cl_lightning.blueprints.own_data import KEYS, find_data_set
from cl_lightning.blueprints.targets import TARGETS

EXTRAS = ("timm",)  # packages of `TARGETS` that an extra of the same name brings
_WHOLE_NUMBERS_ARE_FLOATS = BeartypeConf(is_pep484_tower=True)


def build(node: Any, key: str, **arguments: Any) -> Any:
    """The object that a config node describes.

    Args:
        node: mapping of `_target_` (one of `TARGETS`; directly below `data` also a data set of the user's),
            its arguments, and `_partial_` for a call to be made later. Nodes inside are built first. A `name`
            that is no argument is the node's label.
        key: of the node in the config, for messages.
        arguments: those that only code can give, such as the encoder of a method.

    Raises:
        ConfigError: a target that is not in the list, an unknown argument, a value of the wrong type, or
            what the target itself refuses.
    """
    if not isinstance(node, Mapping):
        raise ConfigError(f"{key} is {shown(node)}; accepted: keys below it (_target_ and its arguments)")
    target = _find(node.get("_target_"), key)
    with refused(key):
        parameters = inspect.signature(target).parameters
    labels = {"_target_", "_partial_"} | ({"name"} - set(parameters))
    given = {name: _value(value, f"{key}.{name}") for name, value in node.items() if name not in labels}
    _check(parameters, given, key)
    given |= arguments
    with refused(key):
        return partial(target, **given) if node.get("_partial_") else target(**given)


def _find(name: Any, key: str) -> Callable[..., Any]:
    if name not in TARGETS:
        if key in KEYS:
            return find_data_set(name, f"{key}._target_")
        raise ConfigError(f"{key}._target_ is {name!r}; accepted: {', '.join(TARGETS)}")
    module, attribute = name.rsplit(".", 1)
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        extra = f"cl_lightning[{error.name}]" if error.name in EXTRAS else error.name
        raise ConfigError(
            f"{key}._target_ is {name}, but {error.name} is missing: pip install {extra}"
        ) from error


def _value(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return (
            build(value, key)
            if "_target_" in value
            else {k: _value(v, f"{key}.{k}") for k, v in value.items()}
        )
    return tuple(_value(v, key) for v in value) if isinstance(value, list) else value


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
