"""Saves a run before a signal or the time limit ends it."""

import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks.last_checkpoint import LastCheckpoint, resumes_exactly_after
from cl_lightning.distributed import largest
from cl_lightning.interruption import (
    ENDING,
    REQUEUEING_NAMES,
    STRENGTH,
    TIME_IS_OVER,
    Flag,
    OutOfTime,
    StopRun,
    duration,
    nothing_more_to_stop,
    requeue,
)

OWNER_SECONDS = 20
TIME = 1  # the code for the time limit in the exchange between processes; signals have larger codes


class Preemption(Checkpoint):
    """Ends a run after a signal or when its time limit is over: all processes finish the step,
    `LastCheckpoint` saves, and the program ends.

    A cluster sends one of `signals` some time before a job ends (`#SBATCH --signal=USR1@120`). Then the first
    process also requeues the SLURM job. If other code, such as submitit, had a handler for the signal, this
    handler is called after the save instead. SIGTERM and Ctrl-C save and end the run; a second Ctrl-C ends it
    at once. A signal during an evaluation takes effect after it, so the time must be long enough for one.

    `max_time` counts from the start of training, again after each interruption. It does not requeue, and has
    no effect on a run that is finished by then. The Trainer's own argument `max_time` is different: it treats
    the interrupted epoch as complete.

    If only some processes get the signal, all learn of it after the same step, by an exchange of eight bytes.
    The exit code is 128 + signal, or 124 for the time limit. Processes that Lightning has started end with 0,
    because Lightning kills the run if one of them does not.

    Args:
        signals: names of SIGUSR1, SIGUSR2 or both. No effect on Windows, which has neither.
        max_time: the limit of each start, such as "00:08:00:00" (days, hours, minutes, seconds),
            {"hours": 8} or a timedelta; None for no limit.

    Raises:
        ValueError: an unknown signal, an invalid time, or `max_time` in a fit without a `LastCheckpoint`.
        StopRun, OutOfTime: a SystemExit, after the last step.
    """

    def __init__(
        self,
        signals: Sequence[str] = ("SIGUSR1", "SIGUSR2"),
        max_time: str | Mapping[str, float] | timedelta | None = None,
    ) -> None:
        if unknown := [name for name in signals if name not in REQUEUEING_NAMES]:
            raise ValueError(
                f"callbacks.preemption.signals has {unknown[0]!r}; accepted: {', '.join(REQUEUEING_NAMES)}"
            )
        self.signals = [getattr(signal, name) for name in signals if hasattr(signal, name)]
        self.max_time = None if max_time is None else duration(max_time)
        self._flag = Flag()
        self._told = ""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.max_time is not None and _last_checkpoint(trainer) is None:
            raise ValueError(
                "trainer.max_time saves and ends the run, but the run has no callbacks.checkpoint; "
                "accepted: one as in callbacks=default, or trainer.max_time=null"
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Not earlier, because Lightning sets its own handler for SIGTERM (with communication) just before.
        self._flag.raise_for([*self.signals, *ENDING])
        self._began = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if resumes_exactly_after(batch_idx, trainer):
            self._end_if_asked_to(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end_if_asked_to(trainer, through=_is_through(trainer))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._flag.lower()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if not isinstance(exception, StopRun):  # after StopRun, further signals must have no effect
            self._flag.lower()
        self._tell(trainer)  # after the progress bar is closed

    def _end_if_asked_to(self, trainer: Trainer, through: bool = False) -> None:
        signalled = STRENGTH.index(self._flag.received)
        reason = largest(TIME + signalled if signalled else TIME * self._is_over())
        if reason > TIME:
            self._end(trainer, signal.Signals(STRENGTH[reason - TIME]))
        elif reason and not through:
            self._run_out_of_time(trainer)

    def _is_over(self) -> bool:
        limit = self.max_time
        return limit is not None and time.monotonic() - self._began >= limit.total_seconds()

    def _run_out_of_time(self, trainer: Trainer) -> None:
        saved, told = _saved(trainer)
        if not saved:
            raise ConfigError(f"trainer.max_time is over, and the run is {told}")
        self._told = f"{TIME_IS_OVER} ({self.max_time}) after {trainer.global_step:,} steps: {told}"
        trainer.strategy.barrier()
        raise OutOfTime

    def _end(self, trainer: Trainer, asked: signal.Signals) -> None:
        saved, told = _saved(trainer)
        self._told = f"{asked.name} after {trainer.global_step:,} steps: {told}"
        if asked in self.signals and saved:
            if (owner := self._flag.owner(asked)) is not None:
                self._tell(trainer)
                owner(asked, None)  # ends the first process
                time.sleep(OWNER_SECONDS)  # submitit does not requeue if another process ends before it
            elif trainer.is_global_zero and (requeued := requeue()):
                self._told += f"; {requeued}"
        nothing_more_to_stop()
        trainer.strategy.barrier()  # a process that ends before the first has saved may end the first too
        raise StopRun(asked)

    def _tell(self, trainer: Trainer) -> None:
        if trainer.is_global_zero and self._told:
            print(self._told, file=sys.stderr, flush=True)
        self._told = ""


def _saved(trainer: Trainer) -> tuple[bool, str]:
    """Whether the run can continue from a checkpoint, and the message."""
    callback = _last_checkpoint(trainer)
    if callback is None:
        return False, "nothing is saved, and nothing requeued, since the run has no callbacks.checkpoint"
    try:
        file = callback.save(trainer)
        trainer.strategy.checkpoint_io.teardown()  # waits for a save in a thread
    except ConfigError as error:
        return False, f"not saved, and not requeued: {error}"
    return True, f"saved in {file}, from which the same command continues"


def _last_checkpoint(trainer: Trainer) -> LastCheckpoint | None:
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, LastCheckpoint)), None)


def _is_through(trainer: Trainer) -> bool:
    """Whether the epoch that ends is the last one."""
    assert trainer.max_epochs is not None, "Lightning sets one"
    last = 0 <= trainer.max_epochs <= trainer.current_epoch + 1
    return last or trainer.should_stop or 0 <= trainer.max_steps <= trainer.global_step
