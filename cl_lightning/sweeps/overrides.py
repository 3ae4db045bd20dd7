"""The overrides of a sweep."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override


def all_overrides(
    loader: ConfigLoader, params: Mapping[str, Any], arguments: Sequence[str]
) -> list[Override]:
    """The sweeper's `params`, then the overrides of the command line, which take precedence."""
    from_params = [f"{key}={'null' if value is None else value}" for key, value in params.items()]
    return OverridesParser.create(config_loader=loader).parse_overrides([*from_params, *arguments])
