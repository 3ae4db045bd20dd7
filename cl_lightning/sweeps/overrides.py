"""What a sweep was given, in Hydra's words."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override


def overrides_given(
    loader: ConfigLoader, params: Mapping[str, Any], arguments: Sequence[str]
) -> list[Override]:
    """The values of a sweeper's `params`, then those of the command line, which win."""
    given = [f"{key}={'null' if value is None else value}" for key, value in params.items()]
    return OverridesParser.create(config_loader=loader).parse_overrides([*given, *arguments])
