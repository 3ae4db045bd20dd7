"""The interface of learning-rate schedules."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

EXAMPLE = "functools.partial(torch.optim.lr_scheduler.StepLR, step_size=30)"
LOSS = "train/loss"  # what a ReduceLROnPlateau follows
PEAKS = ("max_lr", "initial_lr", "lr")  # keys of a parameter group; the first that exists is the peak


@runtime_checkable
class Schedule(Protocol):
    """A learning-rate schedule, and what the start report and the monitors ask it."""

    def fitted(self, total_steps: int, steps_per_epoch: float, shorten: bool = False) -> "Schedule":
        """The schedule for a run of `total_steps`.

        Args:
            total_steps, steps_per_epoch: optimizer steps.
            shorten: whether to shorten a schedule that is too long for the run; otherwise it is refused.
        """

    def attach(
        self, optimizer: Optimizer, total_steps: int, steps_per_epoch: float, effective_batch_size: int
    ) -> dict[str, Any]:
        """Set the optimizer's first learning rate. Returns the value of Lightning's `lr_scheduler`."""

    def peak(self, optimizer: Optimizer) -> float:
        """The largest learning rate of the run, for the first parameter group of an attached optimizer."""

    def warming_up(self, epochs: float) -> bool:
        """Whether the learning rate still rises after so many epochs."""

    def told_at_start(
        self, given: Any, optimizer: Optimizer, steps_per_epoch: float, effective_batch_size: int
    ) -> Mapping[str, str]:
        """Lines of the start report, by their names; `given` is the schedule before it was fitted."""


class OtherSchedule:
    """A scheduler of `torch.optim.lr_scheduler` or of the user's own code, or no scheduler.

    Args:
        make: takes an optimizer and returns a torch scheduler, which then steps after each epoch, or a dict
            in Lightning's form, such as `{"scheduler": OneCycleLR(...), "interval": "step"}`. A
            ReduceLROnPlateau follows `train/loss` unless such a dict has a `monitor`. None: the user's own
            `configure_optimizers` makes the scheduler.
    """

    def __init__(self, make: Callable[[Optimizer], Any] | None = None) -> None:
        self.make = make

    def fitted(self, total_steps: int, steps_per_epoch: float, shorten: bool = False) -> "OtherSchedule":
        """Returns itself, because its length is not known."""
        return self

    def attach(
        self, optimizer: Optimizer, total_steps: int, steps_per_epoch: float, effective_batch_size: int
    ) -> dict[str, Any]:
        """See `Schedule`. Raises ValueError if `make` returns no scheduler."""
        assert self.make is not None, "Lightning attaches the scheduler of the user's configure_optimizers"
        made = self.make(optimizer)
        settings = made if isinstance(made, dict) else {"scheduler": made}
        if not isinstance(settings.get("scheduler"), LRScheduler):
            raise ValueError(
                f"schedule gave a {type(made).__name__}; accepted: what makes a scheduler from an optimizer, "
                f"such as {EXAMPLE}, or a dict with one as Lightning takes it"
            )
        if isinstance(settings["scheduler"], ReduceLROnPlateau):
            return {"monitor": LOSS, **settings}
        return settings

    def peak(self, optimizer: Optimizer) -> float:
        """The `max_lr` of a OneCycleLR, else the learning rate at the start of training."""
        group = optimizer.param_groups[0]
        return float(next(group[name] for name in PEAKS if name in group))

    def warming_up(self, epochs: float) -> bool:
        """False, because it is not known."""
        return False

    def told_at_start(
        self, given: Any, optimizer: Optimizer, steps_per_epoch: float, effective_batch_size: int
    ) -> Mapping[str, str]:
        """The learning rate at the start of training."""
        return {"learning rate": f"{float(optimizer.param_groups[0]['lr']):g} at first"}


def as_schedule(given: Any) -> Schedule:
    """The `schedule` argument of a method as a Schedule.

    Raises:
        ValueError: it is neither a schedule nor a function that makes one.
    """
    if isinstance(given, Schedule) and not isinstance(given, type):
        return given
    if callable(given) and not (isinstance(given, LRScheduler) or hasattr(given, "attach")):
        return OtherSchedule(given)
    raise ValueError(
        f"schedule is {given if given is None else f'a {type(given).__name__}'}; accepted: cl_lightning."
        f"optim.WarmupCosine(...), or what makes a scheduler from an optimizer, such as {EXAMPLE}"
    )
