"""Data sets of the user's own code: what a config may name without leave."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, get_origin, get_type_hints

from cl_lightning.blueprints.allowed import is_allowed
from cl_lightning.blueprints.config_error import ConfigError

KEYS = ("data.train", "data.val", "data.bank")
ACCEPTED = (
    "MODULE.NAME of a torch.utils.data.Dataset, or of a function annotated to return one, in the working "
    "folder or an installed package"
)


def find_data_set(name: Any, key: str) -> Callable[..., Any]:
    """The class or function `name` (MODULE.NAME), which makes a data set.

    Modules of the standard library are refused, and whatever makes no data set by its class or annotation,
    unless `allow` or an entry point allows it.

    Raises:
        ConfigError: no such module or name, a module that fails, or not a data set.
    """
    module, _, attribute = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    if not module or module.split(".")[0] in sys.stdlib_module_names:
        raise ConfigError(f"{key} is {name!r}; accepted: {ACCEPTED}")
    found = getattr(_import(module, name, key), attribute, None)
    if found is None:
        raise ConfigError(f"{key} is {name}, but {module} has no {attribute}; accepted: {ACCEPTED}")
    if not (_makes_a_data_set(found) or is_allowed(name, found)):
        raise ConfigError(f"{key} is {name}, which makes no data set; accepted: {ACCEPTED}")
    return found


def _import(module: str, name: str, key: str) -> Any:
    if os.getcwd() not in sys.path:  # a command's own folder is there instead; last, so that it hides nothing
        sys.path.append(os.getcwd())
    try:
        return import_module(module)
    except Exception as error:
        told = " ".join(str(error).split())
        raise ConfigError(
            f"{key} is {name}, but importing {module} fails ({type(error).__name__}: {told}); accepted: "
            f"{ACCEPTED}"
        ) from error


def _makes_a_data_set(found: Any) -> bool:
    if isinstance(found, type):
        return _is_data_set(found)
    try:
        hint = get_type_hints(found).get("return")
    except Exception:  # no function, or an annotation that names nothing
        return False
    return _is_data_set(get_origin(hint) or hint)


def _is_data_set(kind: Any) -> bool:
    from torch.utils.data import Dataset  # a wrong config costs no import of torch

    # Not whatever has a length and items: numpy.memmap has, and writes files.
    return isinstance(kind, type) and issubclass(kind, Dataset)
