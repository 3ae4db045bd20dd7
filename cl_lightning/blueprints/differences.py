"""The differences of two blueprints as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from cl_lightning.blueprints.config_error import shown
from cl_lightning.blueprints.describe import OWN, PARTIAL, TARGET, defaults


def differences(name: str, then: Any, now: Any) -> Iterator[str]:
    """`KEY: then X, now Y` for each value that is in both and differs.

    Objects of the user's own code that no config has made can't be compared and count as equal. If one of the
    two calls leaves out an argument, its default is compared.
    """
    if _is_unknown(then) or _is_unknown(now):
        return
    if isinstance(then, Mapping) and isinstance(now, Mapping) and then.get(TARGET) == now.get(TARGET):
        then, now = defaults(now) | dict(then), defaults(now) | dict(now)
        for key in (key for key in then if key in now and key not in (OWN, PARTIAL)):
            yield from differences(f"{name}.{key}" if name else str(key), then[key], now[key])
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, (before, after) in enumerate(zip(then, now, strict=True)):
            yield from differences(f"{name}[{place}]", before, after)
    elif then != now:
        yield f"{name}: then {text_of(then)}, now {text_of(now)}"


def text_of(blueprint: Any) -> str:
    """A blueprint in Python syntax, without nested blueprints."""
    if isinstance(blueprint, list):
        return f"[{', '.join(map(text_of, blueprint))}]"
    if not isinstance(blueprint, Mapping):
        return shown(blueprint)
    settings = [f"{name}={shown(value)}" for name, value in blueprint.items() if _is_plain(name, value)]
    return f"{str(blueprint.get(TARGET)).rpartition('.')[2]}({', '.join(settings)})"


def _is_unknown(blueprint: Any) -> bool:
    """Whether a blueprint does not say what made an object."""
    return isinstance(blueprint, Mapping) and OWN in blueprint and TARGET not in blueprint


def _is_plain(name: str, value: Any) -> bool:
    return name not in (OWN, TARGET, PARTIAL) and not isinstance(value, (Mapping, list))
