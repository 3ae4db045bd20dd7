"""A JSON file of a run folder: summary.json, parent.json."""

import json
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError


def read_object(file: Path) -> dict[str, Any] | None:
    """The keys and values in a file; None if there is no file.

    Raises:
        ConfigError: it can't be read, or holds something else.
    """
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{file} can't be read ({error.strerror}); accepted: a file that this user may read: change its "
            "permissions"
        ) from error
    except ValueError as error:  # also of the encoding
        raise _broken(file, str(error)) from error
    if not isinstance(content, dict):
        raise _broken(file, f"{json.dumps(content)[:40]} is no object")
    return content


def _broken(file: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"{file} is broken ({reason}); accepted: the file as the run wrote it, or the run's command again "
        "without this file"
    )
