"""One-line messages for errors of Hydra, OmegaConf, Lightning and the system."""

import os
import sys
from difflib import get_close_matches
from traceback import print_exception, walk_tb

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from cl_lightning.blueprints import ConfigError
from cl_lightning.blueprints.config_error import ALLOCATOR, file_message, memory_message
from cl_lightning.interruption import WorkerError

FULL_ERROR = "HYDRA_FULL_ERROR"
_WANTED = os.environ.get(FULL_ERROR) == "1"
# Gloo's messages when another process has ended.
LEFT_ALONE = ("Connection closed by peer", "Connection reset by peer")
ENDED_EARLY = "another process of this run ended early; its own message says why, or it was killed"
HELP = "see cl-train --help"
WHERE = "HYDRA_FULL_ERROR=1 shows where"


def wants_traceback() -> bool:
    """Whether the user has set HYDRA_FULL_ERROR=1 (read before this program changes it for Hydra)."""
    return _WANTED


def show(error: BaseException) -> None:
    """Print one line that says what is wrong with the config; a traceback if the config is not the cause."""
    message = explain(error)
    if is_left_alone(error):
        message = ENDED_EARLY
    if message is None or wants_traceback():
        print_exception(error)
    else:
        print(f"cl-train: {one_line(message)}", file=sys.stderr)


def one_line(message: str) -> str:
    """A message without line ends. Other spaces stay, because file names may have several in a row."""
    return " ".join(line.strip() for line in message.splitlines() if line.strip())


def is_left_alone(error: BaseException) -> bool:
    """Whether the only cause is that another process of the run has ended."""
    return any(words in str(error) for words in LEFT_ALONE)


def explain(error: BaseException) -> str | None:
    """What was given, what is accepted, which key; None for an error that the config has not caused."""
    if isinstance(error, (ConfigError, WorkerError)):
        return str(error)
    if isinstance(error, MissingConfigException) and error.options:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        return f"{group} is {option!r}; accepted: {', '.join(error.options)}"
    if isinstance(error, OverrideParseException):
        return f"{error.override!r} is not understood; accepted: {_quoted(str(error.override))}, {HELP}"
    for found in (error, error.__cause__):
        if isinstance(found, (ConfigAttributeError, ConfigKeyError)):
            return _unknown_key(found)
        if isinstance(found, OmegaConfBaseException):
            return f"{found.full_key}: {str(found).splitlines()[0]}; accepted: a value, {HELP}"
    if isinstance(error, HydraException) and "config directory" in str(error):
        return f"{' '.join(str(error).split())}; accepted: a folder that is there"
    if isinstance(error, HydraException) or _raised_in(error) == "hydra":
        message = " ".join(str(error).split())
        if not isinstance(error, (HydraException, ValueError)):  # Hydra fails on null or a number in a list
            message = f"an option is none of Hydra's ({type(error).__name__}: {message})"
        return f"{message}; accepted: GROUP=OPTION or KEY=VALUE, {HELP}"
    if type(error).__name__ == "MisconfigurationException":  # Lightning's, which may not be imported yet
        return f"{error} ({WHERE})"
    if isinstance(error, MemoryError) or ALLOCATOR in str(error):
        return f"{memory_message(error)} ({WHERE})"
    if isinstance(error, OSError) and "accepted: " in str(error.strerror):
        return f"{error.strerror} ({WHERE})"
    if isinstance(error, OSError) and error.filename:
        return f"{file_message(error)} ({WHERE})"
    if isinstance(error, ValueError) and _raised_in(error) == "cl_lightning":
        return f"{error} ({WHERE})"
    return None


def _quoted(override: str) -> str:
    """How to quote an override: Hydra needs its own quotes around a value with special characters."""
    key, equals, value = override.partition("=")
    if not key or not equals or not value:
        return "GROUP=OPTION or KEY=VALUE"
    value = value.strip("'").replace("'", r"\'")
    return f"""GROUP=OPTION or KEY=VALUE, with two kinds of quotes if needed: "{key}='{value}'" """.strip()


def _unknown_key(error: OmegaConfBaseException) -> str:
    parent = error.parent_node
    keys = (
        [str(key) for key in parent if not str(key).startswith("_")] if isinstance(parent, DictConfig) else []
    )
    near = get_close_matches(str(error.key), keys, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    accepted = ", ".join(keys) or "a value, it has no keys below it"
    return f"{error.full_key} is no key here{guess}; accepted: {accepted} ({HELP})"


def _raised_in(error: BaseException) -> str:
    """The package whose code raised the error."""
    name = ""
    for frame, _ in walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__"))
    return name.split(".")[0]
