"""A run that is asked to end saves first."""

import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.environments import LightningEnvironment

from cl_lightning.callbacks.last_checkpoint import LastCheckpoint, resumes_exactly_after
from cl_lightning.distributed import largest
from cl_lightning.interruption import ENDING, REQUEUEING, Flag, StopRun, requeue

# Of several signals, one that ends without requeueing wins.
STRENGTH = (0, *REQUEUEING, *ENDING)
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
        ValueError: another signal. StopRun, a SystemExit, in the step after which the run ends.
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
        elif trainer.is_global_zero:
            print(self._told, file=sys.stderr, flush=True)  # the progress bar is closed by now

    def _end_if_asked_to(self, trainer: Trainer) -> None:
        strongest = largest(STRENGTH.index(self._flag.received))
        if not strongest:
            return
        asked = signal.Signals(STRENGTH[strongest])
        self._told = f"{asked.name} after {trainer.global_step:,} steps: {_saved(trainer)}"
        if asked in self.signals:
            if (owner := self._flag.owner(asked)) is not None:
                self._tell_and_forget(trainer)
                owner(asked, None)  # ends the first process
                time.sleep(OWNER_SECONDS)  # submitit requeues nothing if another ends before it
            elif trainer.is_global_zero and (requeued := requeue()):
                self._told += f"; {requeued}"
        raise StopRun(asked, code=0 if _started_by_lightning(trainer) else None)

    def _tell_and_forget(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            print(self._told, file=sys.stderr, flush=True)
        self._told = ""


def _saved(trainer: Trainer) -> str:
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, LastCheckpoint):
            file = callback.save(trainer)
            trainer.strategy.checkpoint_io.teardown()  # waits for a save that goes on in a thread
            return f"saved in {file}, from which the same command continues"
    return "nothing is saved, since the run has no callbacks.checkpoint"


def _started_by_lightning(trainer: Trainer) -> bool:
    environment = getattr(trainer.strategy, "cluster_environment", None)  # of several processes
    return isinstance(environment, LightningEnvironment) and environment.local_rank() > 0
