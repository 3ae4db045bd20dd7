"""Data sets of the user's own code, which a config may always name."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from cl_lightning.blueprints.allowed import is_allowed
from cl_lightning.blueprints.config_error import ConfigError
from cl_lightning.blueprints.makes import makes

KEYS = ("data.train", "data.val", "data.bank")
ACCEPTED = (
    "MODULE.NAME of a torch.utils.data.Dataset, or of a function annotated to return one, in the working "
    "folder or an installed package"
)


def find_data_set(name: Any, key: str) -> Callable[..., Any]:
    """The class or function `name` (MODULE.NAME), which makes a data set.

    It must be a Dataset class, or a function annotated to return one, unless `allow` or an entry point allows
    it. Modules of the standard library are refused.

    Raises:
        ConfigError: the module or name does not exist, importing it fails, or it makes no data set.
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
    if os.getcwd() not in sys.path:  # commands lack it; last, so that it hides no other module
        sys.path.append(os.getcwd())
    try:
        return import_module(module)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"{key} is {name}, but importing {module} fails ({type(error).__name__}: {reason}); accepted: "
            f"{ACCEPTED}"
        ) from error


def _makes_a_data_set(found: Any) -> bool:
    from torch.utils.data import Dataset  # imported here, so that most wrong configs are refused quickly

    # Not every class with a length and items: numpy.memmap has both, and it writes files.
    return makes(found, Dataset)
