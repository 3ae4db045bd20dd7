"""Settings of a sweep that a single run would pass over in silence."""

from collections.abc import Mapping

from cl_lightning.blueprints import ConfigError

SWEEPS = {"hydra/launcher": "local", "hydra/sweeper": "grid"}


def check_single(choices: Mapping[str, str | None]) -> None:
    """That no sweeper and no launcher was chosen.

    Raises:
        ConfigError: which one.
    """
    for group, default in SWEEPS.items():
        if choices.get(group, default) not in (default, "basic"):
            raise ConfigError(
                f"{group}={choices[group]} acts on a sweep, and this is a single run; accepted: cl-train -m, "
                "which takes a sweep of one job too"
            )
