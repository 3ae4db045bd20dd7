"""A learning rate that is a function of the optimizer step."""

from typing import Any

from torch.optim.lr_scheduler import LambdaLR


class ByStep(LambdaLR):
    """The initial rate of each parameter group, times a function of the number of steps made.

    Of a loaded state only this number is used. So the next step has the rate of the present schedule, also if
    the state was saved with another length of the run, or the optimizer's rate with another schedule.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to the step of a state; the optimizer's own state must be loaded before."""
        self.last_epoch, self._step_count = state_dict["last_epoch"], state_dict["last_epoch"] + 1
        rates = [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]
        for group, base, rate in zip(self.optimizer.param_groups, self.base_lrs, rates, strict=True):
            group["initial_lr"], group["lr"] = base, rate
        self._last_lr = rates
