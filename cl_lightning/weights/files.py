"""Reads files with weights that other programs wrote, as data."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints.reading import UnreadableError, explained, read

HEADER = 8  # bytes of the length of safetensors' header, which is JSON


def contents(file: Path) -> Mapping[Any, Any]:
    """The tensors and plain containers in a file of torch (also of versions before 1.6) or safetensors.

    Raises:
        ConfigError: there is no such file, it is incomplete, it holds something else than weights, or it
            holds objects that only code could make (says how to convert it).
    """
    if not os.path.isfile(file):
        raise ConfigError(f"init.weights is {file}, which is no file; accepted: a run folder or a file")
    try:
        content = _read(file)
    except UnreadableError as error:
        accepted = "a complete one" if error.code is None else f"a file of weights only; {_conversion(file)}"
        raise ConfigError(f"init.weights is {file}, which {error}; accepted: {accepted}") from error
    if not isinstance(content, Mapping):
        raise ConfigError(
            f"init.weights is {file}, which holds a {type(content).__name__}; accepted: a file with names "
            "and tensors, as torch.save(network.state_dict(), FILE) writes it"
        )
    return content


def _read(file: Path) -> Any:
    if is_zipfile(file):
        return read(file)
    try:
        with file.open("rb") as opened:
            if opened.read(HEADER + 1)[HEADER:] == b"{":
                return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise UnreadableError(f"is no complete file of safetensors ({error})", "") from error
    except Exception as error:  # arbitrary bytes may raise anything
        raise explained(error) from error


def _conversion(file: Path) -> str:
    """A command that writes the weights of a file, and nothing else, into another one."""
    new = f"{file.name.split('.')[0]}-weights.pt"
    code = (
        "import torch; kept = (torch.Tensor, dict, torch.nn.Module); "
        "plain = lambda c: c if isinstance(c, torch.Tensor) else {n: plain(t) for n, t in "
        'getattr(c, "state_dict", lambda: c)().items() if isinstance(t, kept)}; '
        f'torch.save(plain(torch.load({json.dumps(str(file))}, map_location="cpu", weights_only=False)), '
        f"{json.dumps(new)})"
    )
    return (
        f"this writes one, {new}, but runs code in the file, so use it only if you trust it: "
        f"python -c {shlex.quote(code)}"
    )
