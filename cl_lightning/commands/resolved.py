"""A composed config as plain containers."""

from typing import Any

# `${unless_short:10}` in our config files means 10, and marks a value that the user has not typed.
UNLESS_SHORT = "unless_short"


def register_resolvers() -> None:
    """Register the resolver that the files of `conf/` use."""
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver(UNLESS_SHORT, lambda number: number, replace=True)


def resolved(cfg: Any) -> dict[str, Any]:
    """All keys of a DictConfig with their values.

    `schedule.shorten` becomes True if the warm-up comes from our files, not from the user.
    """
    from omegaconf import OmegaConf

    config: Any = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    schedule = config.get("schedule")
    if isinstance(schedule, dict) and schedule.get("shorten") is False:
        as_it_stands: Any = OmegaConf.to_container(cfg.schedule)
        schedule["shorten"] = str(as_it_stands["warmup_epochs"]).startswith(f"${{{UNLESS_SHORT}:")
    return config
