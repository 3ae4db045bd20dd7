"""Settings of a sweep that a single run would ignore."""

from collections.abc import Mapping

from cl_lightning.blueprints import ConfigError

SWEEPS = {"hydra/launcher": "local", "hydra/sweeper": "grid"}


def check_single(choices: Mapping[str, str | None]) -> None:
    """Check that no sweeper and no launcher was chosen.

    Raises:
        ConfigError: one was chosen; says which one.
    """
    for group, default in SWEEPS.items():
        if choices.get(group, default) not in (default, "basic"):
            raise ConfigError(
                f"{group}={choices[group]} acts on a sweep, and this is a single run; accepted: cl-train -m, "
                "which also runs a sweep of one job"
            )
