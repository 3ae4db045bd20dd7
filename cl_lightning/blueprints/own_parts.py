"""Parts of the user's own code in checkpoints, made again where an entry point or a script allows it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from cl_lightning.blueprints.allowed import GROUP, can_be_allowed, find_allowed, is_named_allowed
from cl_lightning.blueprints.config_error import ConfigError
from cl_lightning.blueprints.describe import OWN, PARTIAL, TARGET
from cl_lightning.blueprints.makes import makes

NETWORKS = "encoder"  # below this key only networks are made


class OwnPartError(ConfigError):
    """A part of the user's own code that can't be made again here.

    Args:
        name: the class or function that made it, or its own class if that is not known.
        reason: why not; a text that follows the name.
        allowing: what would change that; empty if nothing would.
    """

    def __init__(self, name: str, reason: str, allowing: str = "") -> None:
        super().__init__(f"{name}, {reason}")
        self.allowing = allowing


def find_own_part(node: Mapping[str, Any], key: str) -> Callable[..., Any]:
    """The class or function of an allowed package that made a part in a checkpoint.

    Below `encoder` it must be a class of torch Modules, or a function annotated to return one. Elsewhere
    (views, loss and so on) functions are only kept, to be called by the method.

    Raises:
        OwnPartError: the checkpoint does not say what made it, this is not allowed here, or it is no such
            class or function.
        ConfigError: it does not exist, or importing it fails.
    """
    name = node.get(TARGET)
    if not isinstance(name, str):
        raise OwnPartError(str(node[OWN]), "which the checkpoint does not say how to make")
    if not is_named_allowed(name):
        raise OwnPartError(name, *_not_allowed(name))
    found = find_allowed(name, f"{key}.{TARGET}")
    if key.split(".")[0] == NETWORKS:
        if not _makes_networks(found):
            raise OwnPartError(name, "which is neither a torch.nn.Module nor annotated to return one")
    elif not (isinstance(found, type) or node.get(PARTIAL)):
        raise OwnPartError(name, "a function that would have to be called")
    return found


def _not_allowed(name: str) -> tuple[str, str]:
    """Why a name is not allowed here, and what would allow it."""
    package = name.split(".")[0]
    if not can_be_allowed(name):
        return "which no entry point or script can allow", ""
    allowing = f"an entry point of the group {GROUP} or cl_lightning.allow({package!r}) before"
    with suppress(ImportError, ValueError):
        if find_spec(package) is not None:
            return "which nothing allows here", allowing
    return f"whose package {package} is not there", f"{package} where Python finds it, with {allowing}"


def _makes_networks(found: Any) -> bool:
    from torch import nn  # imported here, so that most wrong configs are refused quickly

    return makes(found, nn.Module)
