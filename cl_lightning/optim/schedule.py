"""What a schedule of the learning rate has to answer, whoever wrote it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

EXAMPLE = "functools.partial(torch.optim.lr_scheduler.StepLR, step_size=30)"
LOSS = "train/loss"  # what a ReduceLROnPlateau follows
PEAKS = ("max_lr", "initial_lr", "lr")  # of a group of parameters: the first that there is


@runtime_checkable
class Schedule(Protocol):
    """The learning rate over a run, and what others want to know of it."""

    def fitted(self, total_steps: int, steps_per_epoch: float, shorten: bool = False) -> "Schedule":
        """The schedule as a run of `total_steps` has it.

        Args:
            total_steps, steps_per_epoch: optimizer steps.
            shorten: whether what is too long for the run is shortened, not refused.

        Raises:
            ValueError: it does not fit.
        """

    def attach(
        self, optimizer: Optimizer, total_steps: int, steps_per_epoch: float, effective_batch_size: int
    ) -> dict[str, Any]:
        """Set the optimizer's first learning rate; what Lightning takes as `lr_scheduler`."""

    def peak(self, optimizer: Optimizer) -> float:
        """The largest learning rate of the run, of the first group of an optimizer that it is attached to."""

    def warming_up(self, epochs: float) -> bool:
        """Whether the learning rate still rises after so many epochs."""

    def told_at_start(
        self, given: Any, optimizer: Optimizer, steps_per_epoch: float, effective_batch_size: int
    ) -> Mapping[str, str]:
        """Lines of the start report, by their names; `given` is the schedule before it was fitted."""


class OtherSchedule:
    """One of `torch.optim.lr_scheduler`, of the user's own code, or none.

    Args:
        make: from an optimizer to a scheduler of torch, which moves after each epoch, or to a dict as
            Lightning takes it, such as `{"scheduler": OneCycleLR(...), "interval": "step"}`. A
            ReduceLROnPlateau follows `train/loss` unless such a dict has a `monitor`. None:
            `configure_optimizers` is the user's own.
    """

    def __init__(self, make: Callable[[Optimizer], Any] | None = None) -> None:
        self.make = make

    def fitted(self, total_steps: int, steps_per_epoch: float, shorten: bool = False) -> "OtherSchedule":
        """Itself: nothing is known of its length."""
        return self

    def attach(
        self, optimizer: Optimizer, total_steps: int, steps_per_epoch: float, effective_batch_size: int
    ) -> dict[str, Any]:
        """See `Schedule`. Raises ValueError where `make` gives no scheduler."""
        assert self.make is not None, "Lightning attaches what the user's own configure_optimizers gives"
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
        """Of a OneCycleLR its `max_lr`, else the rate that training began with."""
        group = optimizer.param_groups[0]
        return float(next(group[name] for name in PEAKS if name in group))

    def warming_up(self, epochs: float) -> bool:
        """False: nothing is known of it."""
        return False

    def told_at_start(
        self, given: Any, optimizer: Optimizer, steps_per_epoch: float, effective_batch_size: int
    ) -> Mapping[str, str]:
        """The rate that training begins with."""
        return {"learning rate": f"{float(optimizer.param_groups[0]['lr']):g} at first"}


def as_schedule(given: Any) -> Schedule:
    """What a method was given as `schedule`.

    Raises:
        ValueError: neither a schedule nor what makes one.
    """
    if isinstance(given, Schedule) and not isinstance(given, type):
        return given
    if callable(given) and not (isinstance(given, LRScheduler) or hasattr(given, "attach")):
        return OtherSchedule(given)
    raise ValueError(
        f"schedule is {given if given is None else f'a {type(given).__name__}'}; accepted: cl_lightning."
        f"optim.WarmupCosine(...), or what makes a scheduler from an optimizer, such as {EXAMPLE}"
    )
