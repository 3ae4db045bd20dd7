"""The resolved config of a run as a file, config.yaml."""

from pathlib import Path
from typing import Any

import yaml

# Errors when a config.yaml is read that is not one of our runs.
FOREIGN = (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError)
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


def config_text(config: dict[str, Any]) -> str:
    """The text of a config.yaml."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
