"""The blueprint of an object, for checkpoints; `build` makes the object from it again."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from numbers import Integral, Real
from typing import Any

from cl_lightning.blueprints.targets import targets

OWN, TARGET, PARTIAL = "_own_", "_target_", "_partial_"
NODE = "_cl_lightning_node"  # the attribute with the config node of a part of the user's own code


def describe(part: Any) -> Any:
    """The blueprint of `part`: plain containers, numbers and text that say how it was made.

    All objects of this package store their constructor's arguments as attributes of the same names; a
    `functools.partial` stores its own. The arguments that a class lists in `not_described` are left out. An
    object of other code, such as a user's own backbone, becomes `{"_own_": its name}`, which `find_own`
    finds; if a config made it, with the target and the arguments of its node.
    """
    part = getattr(part, "_orig_mod", part)  # the module inside a result of torch.compile
    if part is None or isinstance(part, str):
        return part
    if isinstance(part, (bool, Integral, Real)):  # also NumPy's, which a checkpoint may not hold
        return part if isinstance(part, bool) else int(part) if isinstance(part, Integral) else float(part)
    if isinstance(part, (tuple, list)):
        return [describe(item) for item in part]
    if isinstance(part, Mapping):
        return {str(name): describe(value) for name, value in part.items()}
    if isinstance(part, partial):
        return _call(part)
    target = target_of(part if inspect.isroutine(part) or inspect.isclass(part) else type(part))
    if target is None:
        return _own(part, named=part)
    if inspect.isroutine(part) or inspect.isclass(part):
        return {TARGET: target, PARTIAL: True}
    return {TARGET: target} | arguments(part)


def arguments(part: Any) -> dict[str, Any]:
    """The blueprints of the arguments with which the instance `part` was made."""
    left_out = getattr(type(part), "not_described", ())
    names = [name for name in _parameters(type(part)) if name not in left_out]
    return {n: describe(getattr(part, n)) if hasattr(part, n) else {OWN: n} for n in names}


def _parameters(kind: type) -> list[str]:
    """Names of a constructor's arguments, with those of the base class if it passes arguments on to it."""
    named = inspect.signature(kind).parameters.values()
    names = [p.name for p in named if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    passed_on = any(p.kind is p.VAR_KEYWORD for p in named) and kind.__base__ not in (None, object)
    above = _parameters(kind.__base__) if passed_on else []  # type: ignore[arg-type]
    return list(dict.fromkeys([*names, *above]))


def find_own(blueprint: Any) -> str | None:
    """The name of the first object in a blueprint that only the user's code can make."""
    if isinstance(blueprint, Mapping):
        if OWN in blueprint:
            return blueprint[OWN]
        blueprint = list(blueprint.values())
    inner = blueprint if isinstance(blueprint, list) else []
    return next((name for name in map(find_own, inner) if name is not None), None)


def defaults(blueprint: Mapping[str, Any]) -> dict[str, Any]:
    """The blueprints of a partial call's default arguments; empty if the blueprint is not a partial call."""
    target = blueprint.get(TARGET)
    if not blueprint.get(PARTIAL) or target not in targets():
        return {}
    module, name = target.rsplit(".", 1)
    parameters = inspect.signature(getattr(import_module(module), name)).parameters.values()
    return {p.name: describe(p.default) for p in parameters if p.default is not p.empty}


def _call(part: "partial[Any]") -> dict[str, Any]:
    target = target_of(part.func)
    if target is None:
        return _own(part, named=part.func)
    given = inspect.signature(part.func).bind_partial(*part.args, **part.keywords).arguments
    return {TARGET: target, PARTIAL: True} | {name: describe(value) for name, value in given.items()}


def _own(part: Any, named: Any) -> dict[str, Any]:
    """The blueprint of an object of the user's own code: the config node that made it, or its name."""
    return getattr(part, "__dict__", {}).get(NODE, {OWN: _name(named)})


def remember(made: Any, node: Mapping[str, Any]) -> None:
    """Let `describe` find the config node that made an object of the user's own code, also in its copies."""
    with suppress(AttributeError, TypeError):  # it takes no attribute, such as a number
        object.__setattr__(made, NODE, _marked(node))


def _marked(node: Any) -> Any:
    """A config node as a blueprint: targets of the user's own code are marked as such."""
    if isinstance(node, (list, tuple)):
        return [_marked(item) for item in node]
    if not isinstance(node, Mapping):
        return describe(node)
    target = node.get(TARGET)
    own = {} if target is None or target in targets() else {OWN: target}
    return own | {str(name): _marked(value) for name, value in node.items()}


def target_of(made_by: Callable[..., Any]) -> str | None:
    """The name that a blueprint may use for a class or function; None where it may name none."""
    for target in sorted(targets()):
        module, name = target.rsplit(".", 1)
        alike = getattr(made_by, "__name__", None) == name and made_by.__module__.startswith(module)
        if alike and getattr(import_module(module), name) is made_by:
            return target
    return None


def _name(part: Any) -> str:
    made_by = part if hasattr(part, "__qualname__") else type(part)
    return f"{made_by.__module__}.{made_by.__qualname__}"
