"""How the learning rate of a fit goes on from a checkpoint, with the same scheduler or with another one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from cl_lightning.blueprints import ConfigError, describe
from cl_lightning.optim import ByStep

OF_RATES = ("base_lrs", "_last_lr")  # they follow from the optimizer, which is compared by itself
OURS = {"_target_": "one of cl_lightning"}


class WentOn(NamedTuple):
    """Where a fit has gone on: after which step, the rate that this step would have had, and the name of a
    scheduler that begins anew there, or nothing."""

    step: int
    rate: float | None
    anew: str

    def told_at_start(
        self, rate: float, steps_per_epoch: float, epochs: float, extends: bool
    ) -> dict[str, str]:
        """A line of the start report on `rate`, that of the next step; none if all is as it was."""
        if rate == self.rate and not extends:
            return {}
        place = f"after {self.step:,} steps (epoch {self.step / steps_per_epoch:.4g} of {epochs:.4g})"
        how = f"with a new {self.anew}" if self.anew else "on this run's schedule"
        before = "" if self.rate is None else f"; it had come to {self.rate:g}"
        return {"rate goes on": f"{place} at {rate:g}, {how}{before}"}


def made(scheduler: LRScheduler) -> dict[str, Any]:
    """The class and settings of a scheduler that has made no step yet, as plain containers."""
    if isinstance(scheduler, ByStep):  # its rates are functions of the step, and follow from the arguments
        return OURS
    told = {name: value for name, value in scheduler.state_dict().items() if name not in OF_RATES}
    return {"_target_": type(scheduler).__name__, **describe(told)}


def begin_anew(
    checkpoint: Mapping[str, Any],
    then: Mapping[str, Any] | None,
    scheduler: LRScheduler,
    optimizer: Optimizer,
) -> bool:
    """Keep the state of another scheduler from a new one, before Lightning loads a checkpoint into both.

    A scheduler of ours then goes on at the checkpoint's step. Another scheduler begins anew: it steps from
    the rate that it was made with, as it may have no rule for steps that it did not make. The optimizer keeps
    the options that it was made with, since the other scheduler may have changed the rate, the momentum and
    more in the checkpoint.

    Args:
        then: the `made` of the checkpoint's scheduler; None if it is not known.

    Returns:
        whether a scheduler that is not ours begins anew.
    """
    states, same, ours = checkpoint.get("lr_schedulers", []), then == made(scheduler), then == OURS
    if isinstance(scheduler, ByStep):
        if not (ours and all("lr_lambdas" in state for state in states)):  # as after weight averaging
            states[:] = [{"last_epoch": checkpoint["global_step"]}]
    elif then is None or same:
        return False
    else:
        states.clear()
    if not same:
        optimizer.register_load_state_dict_pre_hook(_keep_options)
    return not isinstance(scheduler, ByStep)


def _keep_options(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    groups = zip(optimizer.param_groups, state["param_groups"], strict=False)
    return state | {"param_groups": [own | {"params": loaded["params"]} for own, loaded in groups]}


def check_length(attached: Mapping[str, Any], steps: int, steps_per_epoch: float, done: int) -> None:
    """Check that torch's OneCycleLR, which refuses more steps than it was made for, has enough of them.

    Args:
        attached: the value of Lightning's `lr_scheduler`.
        steps: the optimizer steps that are left.
        done: how often it has moved already.

    Raises:
        ConfigError: it has fewer; says how many it needs.
    """
    scheduler = attached["scheduler"]
    if not isinstance(scheduler, OneCycleLR):
        return
    by_step = attached.get("interval") == "step"
    moves = done + (steps if by_step else -int(-steps // steps_per_epoch))
    if scheduler.total_steps < moves:
        raise ConfigError(
            f"schedule made a OneCycleLR with total_steps={scheduler.total_steps}, but it moves {moves} "
            f"times; accepted: total_steps={moves} or more"
        )
