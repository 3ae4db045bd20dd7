"""Classes and functions of other packages that a config may name, because the user's code allows it."""

import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from cl_lightning.blueprints.config_error import ConfigError
from cl_lightning.blueprints.targets import targets

GROUP = "cl_lightning.targets"
_BY_SCRIPT: set[str] = set()


class NotAllowedError(ConfigError):
    """A config names a class or function that nothing allows.

    `package`: the one that would have to be allowed; empty if it is none that can be.
    """

    def __init__(self, message: str, name: Any) -> None:
        super().__init__(message)
        self.package = name.split(".")[0] if isinstance(name, str) and can_be_allowed(name) else ""


def allow(package: str) -> None:
    """Let configs name the classes and functions of a package, until this process ends.

    A script calls this before it trains. An installed package can allow itself permanently by an entry point
    of the group `cl_lightning.targets`; its value is the package, a module of it, or MODULE:NAME for one
    class or function. The jobs of a cluster launcher know only entry points. In both cases configs may name
    only classes and functions that are public (no part of the name begins with _) and defined in that package
    or module; not imported ones, methods or instances. Importing a module runs it.

    Raises:
        ValueError: no package or module of this name can be imported, or it is in the standard library.
    """
    if not _is_there(package):
        raise ValueError(
            f"cl_lightning.allow got {package!r}; accepted: the name of an installed package or of a module "
            "of it, not one of the standard library"
        )
    _BY_SCRIPT.add(package)


def _is_there(package: str) -> bool:
    if not can_be_allowed(package):
        return False
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # the parent package is missing, or is no package
        return False


def by_script() -> list[str]:
    """Packages and modules that only this script allows, so that other commands don't know them."""
    return sorted(_BY_SCRIPT)


def allowed() -> list[str]:
    """Packages, modules and single names that an entry point or a script allows."""
    values = {point.value.replace(":", ".") for point in entry_points(group=GROUP)} | _BY_SCRIPT
    return sorted(value for value in values if not _standard(value))


def find_allowed(name: Any, key: str) -> Callable[..., Any]:
    """The class or function `name` (MODULE.NAME), if an entry point or a script allows it.

    Raises:
        NotAllowedError: nothing allows a name in this package.
        ConfigError: it does not exist, or is defined in another module.
    """
    if not is_named_allowed(name):
        raise NotAllowedError(f"{key} is {name!r}; accepted: {_accepted(name)}", name)
    module, _, attribute = name.rpartition(".")
    try:
        found: Any = getattr(import_module(module), attribute, None)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"{key} is {name}, but importing {module} fails ({type(error).__name__}: {reason}); accepted: a "
            "class or function of a module that can be imported"
        ) from error
    if not is_allowed(name, found):
        raise ConfigError(
            f"{key} is {name}, which is {_kind(found)}; accepted: a class or function that is defined in "
            f"{', '.join(allowed())}, by its own name"
        )
    return found


def is_named_allowed(name: Any) -> bool:
    """Whether `name` is in an allowed package or module. Nothing is imported."""
    return isinstance(name, str) and "." in name and _public(name) and _below(name, allowed())


def is_allowed(name: str, found: Any) -> bool:
    """Whether `found`, under this `name`, is a public class or function that an allowed module defines."""
    if not (inspect.isclass(found) or inspect.isroutine(found)):
        return False
    return _public(name) and _below(name, allowed()) and _below(_home(found), allowed())


def _home(found: Any) -> str:
    return f"{getattr(found, '__module__', None)}.{getattr(found, '__qualname__', None)}"


def _kind(found: Any) -> str:
    if found is None:
        return "not there"
    if inspect.isclass(found) or inspect.isroutine(found):
        return f"defined elsewhere, as {_home(found)}"
    return f"an instance of {type(found).__name__}"


def can_be_allowed(name: str) -> bool:
    """Whether an entry point or a script can allow this name, if it exists."""
    return _public(name) and not _standard(name)


def _public(name: str) -> bool:
    """Whether no part of a name is private. Also excludes `__main__` modules, which run when imported."""
    return all(part.isidentifier() and not part.startswith("_") for part in name.split("."))


def _standard(name: str) -> bool:
    return name.split(".")[0] in sys.stdlib_module_names


def _below(name: str, places: list[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def _accepted(name: Any) -> str:
    """A text that names similar options, and says where all of them are listed."""
    options = sorted(targets())
    near = get_close_matches(str(name), options, n=3)
    last = [target for target in options if target.rpartition(".")[2] == str(name).rpartition(".")[2]]
    names = ", ".join(dict.fromkeys(last + near))
    return (
        f"{names + ', or another' if names else 'one'} of the OPTIONS of cl_lightning's packages; "
        "of a package of yours, what its entry point or cl_lightning.allow names"
        + (f" (now {', '.join(allowed())})" if allowed() else "")
    )
