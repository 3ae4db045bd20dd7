"""Tells how a new run could go on from a finished one that is the same but shorter."""

from contextlib import suppress
from typing import Any

from cl_lightning.blueprints import shown
from cl_lightning.optim import WarmedUp, as_schedule
from cl_lightning.runs.config_file import FOREIGN, read_config
from cl_lightning.runs.contents import BACKBONE
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.nearest import differences

LENGTH = {"trainer.max_epochs", "trainer.max_steps"}


def how_to_go_on(
    folder: RunFolder, config: dict[str, Any], schedule: Any, steps: tuple[int, int]
) -> list[str]:
    """A line, for a new `folder`, on the longest finished run that differs only in its length; or none.

    Args:
        schedule: the schedule of the run's method.
        steps: the number of optimizer steps of the run, and of an epoch.
    """
    total, per_epoch = steps
    found = []
    for file in folder.path.parent.glob("*/config.yaml"):
        other = RunFolder(file.parent)
        with suppress(*FOREIGN):
            done = (other.summary() or {}).get("steps", total) if other.checkpoint.is_file() else total
            if done < total and differences(read_config(file), config).keys() <= LENGTH:
                found.append((done, other))
    if not found:
        return []
    done, other = max(found, key=lambda run: (run[0], str(run[1].path)))
    told = (
        f"a run of its own: {other.path} is the same, but finished after {done:,} of these {total:,} steps; "
        f"to go on from it, add run.extend={other.path}{_instead(config)}"
    )
    return [told + _jump(as_schedule(schedule), done, total, per_epoch)]


def _instead(config: dict[str, Any]) -> str:
    """What `run.extend` would be in the place of."""
    init = config.get("init") or {}
    given = {
        "run.extend": config["run"].get("extend"),
        "init.weights": init.get("weights"),
        "init.parts": None if (parts := init.get("parts", BACKBONE)) == BACKBONE else shown(parts),
    }
    return "".join(f" and leave out {key}={value}" for key, value in given.items() if value is not None)


def _jump(schedule: Any, done: int, total: int, per_epoch: int) -> str:
    """What the learning rate would do, if it would not go on as it ended."""
    if not isinstance(schedule, WarmedUp):
        return ""
    with suppress(ValueError):
        then, now = (_factor(schedule, done, length, per_epoch) for length in (done, total))
        if then != now:
            return (
                f" (its learning rate has come to {then:.3g} of the peak, and would go on at {now:.3g}; a "
                "run with schedule=wsd schedule.decay_share=0 has no such jump)"
            )
    return ""


def _factor(schedule: WarmedUp, step: int, total: int, per_epoch: int) -> float:
    fitted = schedule.fitted(total, per_epoch)
    return fitted.factor(step, total, round(fitted.warmup_epochs * per_epoch))
