"""A run that is asked to end saves first."""

import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks.last_checkpoint import LastCheckpoint, resumes_exactly_after
from cl_lightning.distributed import largest
from cl_lightning.interruption import (
    ENDING,
    REQUEUEING,
    STRENGTH,
    Flag,
    StopRun,
    nothing_more_to_stop,
    requeue,
)

OWNER_SECONDS = 20


class Preemption(Checkpoint):
    """Ends a run after a signal: all processes finish the step, `LastCheckpoint` saves, the program ends.

    One of `signals` is what a cluster sends some time before it takes the machine away
    (`#SBATCH --signal=USR1@120`): the first process then also requeues the SLURM job. Who answered the signal
    before, such as submitit, is called instead after the save. SIGTERM and Ctrl-C save and end; a second
    Ctrl-C ends at once. During an evaluation a signal waits for its end, so the time must do for one.

    Whichever processes get the signal, all learn of it after the same step, by an exchange of eight bytes.
    The exit code is 128 + signal; processes that Lightning has started end with 0, since it kills
    the run where one of them does not.

    Args:
        signals: names of SIGUSR1, SIGUSR2 or both.

    Raises:
        ValueError: another signal.
        StopRun: a SystemExit, after the step with which the run ends.
    """

    def __init__(self, signals: Sequence[str] = ("SIGUSR1", "SIGUSR2")) -> None:
        names = [number.name for number in REQUEUEING]
        if unknown := [name for name in signals if name not in names]:
            raise ValueError(f"callbacks.preemption.signals has {unknown[0]!r}; accepted: {', '.join(names)}")
        self.signals = [signal.Signals[name] for name in signals]
        self._flag = Flag()
        self._told = ""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Not earlier: Lightning's own handler for SIGTERM, which exchanges messages, has only now been set.
        self._flag.raise_for([*self.signals, *ENDING])

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if resumes_exactly_after(batch_idx, trainer):
            self._end_if_asked_to(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end_if_asked_to(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._flag.lower()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if not isinstance(exception, StopRun):  # else further signals change nothing any more
            self._flag.lower()
        else:
            self._tell(trainer)  # the progress bar is closed by now

    def _end_if_asked_to(self, trainer: Trainer) -> None:
        strongest = largest(STRENGTH.index(self._flag.received))
        if not strongest:
            return
        asked = signal.Signals(STRENGTH[strongest])
        saved, told = _saved(trainer)
        self._told = f"{asked.name} after {trainer.global_step:,} steps: {told}"
        if asked in self.signals and saved:
            if (owner := self._flag.owner(asked)) is not None:
                self._tell(trainer)
                owner(asked, None)  # ends the first process
                time.sleep(OWNER_SECONDS)  # submitit requeues nothing if another ends before it
            elif trainer.is_global_zero and (requeued := requeue()):
                self._told += f"; {requeued}"
        nothing_more_to_stop()
        trainer.strategy.barrier()  # a process that ends before the first has saved may end that one too
        raise StopRun(asked)

    def _tell(self, trainer: Trainer) -> None:
        if trainer.is_global_zero and self._told:
            print(self._told, file=sys.stderr, flush=True)
        self._told = ""


def _saved(trainer: Trainer) -> tuple[bool, str]:
    """Whether the run can go on from a checkpoint, and what to tell of it."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, LastCheckpoint):
            try:
                file = callback.save(trainer)
                trainer.strategy.checkpoint_io.teardown()  # waits for a save that goes on in a thread
            except ConfigError as error:
                return False, f"not saved, and not requeued: {error}"
            return True, f"saved in {file}, from which the same command continues"
    return False, "nothing is saved, and nothing requeued, since the run has no callbacks.checkpoint"
