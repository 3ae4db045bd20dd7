"""A composed config as plain containers."""

from typing import Any

# `${unless_short:10}` in a config file of ours is 10, and a value that nobody has typed.
UNLESS_SHORT = "unless_short"


def know_words() -> None:
    """From now on OmegaConf knows what the files of `conf/` say."""
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver(UNLESS_SHORT, lambda number: number, replace=True)


def resolved(cfg: Any) -> dict[str, Any]:
    """All keys of a DictConfig with their values.

    `schedule.shorten` tells whether the warm-up is one of our files, and not the user's.
    """
    from omegaconf import OmegaConf

    config: Any = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    schedule = config.get("schedule")
    if isinstance(schedule, dict) and schedule.get("shorten") is False:
        as_it_stands: Any = OmegaConf.to_container(cfg.schedule)
        schedule["shorten"] = str(as_it_stands["warmup_epochs"]).startswith(f"${{{UNLESS_SHORT}:")
    return config
