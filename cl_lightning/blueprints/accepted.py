"""What a type annotation accepts, in the terms of a config file."""

import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

WORDS = {bool: "true, false", int: "a whole number", float: "a number", str: "text", type(None): "null"}


def accepted(hint: Any) -> str:
    """The types of an annotation as YAML values; classes that only code can pass are left out."""
    return ", ".join(dict.fromkeys(_words(hint)))


def _words(hint: Any) -> list[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        words = [word for argument in arguments for word in _words(argument)]
        return [word for word in words if word != WORDS[int] or WORDS[float] not in words]
    if origin is Literal:
        return [str(argument) for argument in arguments]
    if isinstance(origin, type) and issubclass(origin, (Sequence, tuple)):
        items = [word for argument in arguments for word in _words(argument)]
        return [f"a list ({', '.join(dict.fromkeys(items))} each)"] if items else []
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return ["keys with values"]
    return [WORDS[hint]] if hint in WORDS else []
