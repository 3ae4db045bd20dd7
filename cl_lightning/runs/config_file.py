"""The resolved config of a run as a file, config.yaml."""

from pathlib import Path
from typing import Any

import yaml

from cl_lightning.blueprints import ConfigError

# Errors when a config.yaml is read that is not one of our runs.
FOREIGN = (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError)
GROUPS = ("run", "data", "callbacks", "encoder", "trainer")  # keys that every config of ours has
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, if PyYAML has it


def read_config(file: Path) -> Any:
    """The content of a config.yaml."""
    content = file.read_bytes()
    # PyYAML writes bytes of file names that are no text as \\uDCxx; libyaml can't read these.
    loader = yaml.SafeLoader(content) if b"\\uDC" in content else _Loader(content)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def read_whole_config(file: Path) -> dict[str, Any]:
    """The content of the config.yaml of a run.

    Raises:
        ConfigError: it can't be read, is broken, or another program's.
    """
    try:
        config = read_config(file)
    except OSError as error:
        raise ConfigError(
            f"{file} can't be read ({error.strerror}); accepted: a file that this user may read: change its "
            "permissions"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _broken(file, " ".join(str(error).split())) from error
    if not isinstance(config, dict) or not isinstance(config.get("seed"), int):
        raise _broken(file, "it has no seed that is a whole number")
    if missing := [name for name in GROUPS if not isinstance(config.get(name), dict)]:
        raise _broken(file, f"it has no {missing[0]} with keys below it")
    return config


def _broken(file: Path, reason: str) -> ConfigError:
    return ConfigError(f"{file} is broken: {reason}; accepted: the file as the run wrote it")


def config_text(config: dict[str, Any]) -> str:
    """The text of a config.yaml."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
