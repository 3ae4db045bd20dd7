"""What a loss can be told, by the arguments that it has."""

import inspect
from functools import partial
from typing import Any


def takes(loss: Any, name: str) -> bool:
    """Whether a loss has an argument of this name that is still to be passed."""
    call: partial[Any] = partial(loss)
    plain = getattr(call.func, "forward", call.func)  # a loss may be a torch.nn.Module
    try:
        return name in inspect.signature(plain).parameters.keys() - call.keywords.keys()
    except (TypeError, ValueError):  # a function that is not written in Python
        return False
