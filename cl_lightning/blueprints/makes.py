"""What a class or function makes, as far as it says so itself."""

from typing import Any, get_origin, get_type_hints


def makes(found: Any, kind: type) -> bool:
    """Whether `found` is a class of this kind, or a function annotated to return one. Nothing is called."""
    if isinstance(found, type):
        return issubclass(found, kind)
    try:
        hint = get_type_hints(found).get("return")
    except Exception:  # not a function, or an annotation with an unknown name
        return False
    hint = get_origin(hint) or hint
    return isinstance(hint, type) and issubclass(hint, kind)
