"""How a new run differs from the existing runs."""

import json
from contextlib import suppress
from typing import Any

from cl_lightning.blueprints import shown
from cl_lightning.runs.config_file import FOREIGN, read_config
from cl_lightning.runs.contents import with_paths
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import determining, flat

LISTED = 4  # keys
_ABSENT = object()


def nearest(folder: RunFolder, config: dict[str, Any]) -> str | None:
    """How `folder`, a new run of `config`, differs from the most similar run of the same name.

    Returns:
        `differs from RUN in loss.temperature (0.1 there, 0.2 here)`; None if there is no other run.
    """
    found = []
    for file in folder.path.parent.glob("*/config.yaml"):
        with suppress(*FOREIGN):
            other = read_config(file)
            if other["run"]["name"] == config["run"]["name"] and (different := differences(other, config)):
                found.append((len(different), file.parent, different, other))
    if not found:
        return None
    number, path, different, other = min(found, key=lambda run: run[:2])
    there, here = (
        with_paths({key: pair[which] for key, pair in different.items()}, run)
        for which, run in enumerate((other, config))
    )
    listed = [f"{key} ({_value(there[key])} there, {_value(here[key])} here)" for key in here][:LISTED]
    more = f" and {number - LISTED} more" if number > LISTED else ""
    return f"differs from {path} in {', '.join(listed)}{more}"


def differences(there: dict[str, Any], here: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The hashed keys whose values differ between two runs, with both values."""
    hashed = flat(determining(there)), flat(determining(here))
    keys = hashed[1] | hashed[0]
    one, other = flat(there) | hashed[0], flat(here) | hashed[1]
    values = {key: (one.get(key, _ABSENT), other.get(key, _ABSENT)) for key in keys}
    return {key: pair for key, pair in values.items() if len(set(map(_hashed, pair))) == 2}


def _hashed(value: Any) -> str:
    return "absent" if value is _ABSENT else json.dumps(value)  # 1 and 1.0 differ, as in the hash


def _value(value: Any) -> str:
    return "absent" if value is _ABSENT else shown(value)
