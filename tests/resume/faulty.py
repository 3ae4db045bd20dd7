"""cl-train that gets a signal at a chosen moment: FAULT="PLACE STEP SIGNAL RANK" (or all ranks).

PLACE is `step` (as optimizer step STEP, from 0, begins), `accumulation` (at its second micro-batch), or of
the first save from that step on: `writing` (the file is half written) or `written` (it is not yet in place).
"""

import os
import signal
from typing import Any

from lightning.pytorch import Callback

from cl_lightning import train
from cl_lightning.checkpoints import atomic
from cl_lightning.runs import preparing

assemble_trainer, write, read = preparing.assemble_trainer, atomic._write, atomic.read


class Fault(Callback):
    """Knows where training is."""

    def __init__(self, place: str, step: str, name: str) -> None:
        self.place, self.step, self.signal = place, int(step), signal.Signals[name]
        self.now = self.saved = -1

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.now = trainer.global_step
        inside = batch_idx % trainer.accumulate_grad_batches
        if self.now == self.step and self.place == ("accumulation" if inside else "step"):
            trainer.strategy.checkpoint_io.teardown()  # the saves before are in place
            self.happen()

    def happen(self) -> None:
        os.kill(os.getpid(), self.signal)

    def in_trainer(self, *args: Any) -> Any:
        trainer = assemble_trainer(*args)
        trainer.callbacks.insert(0, self)  # not by the config, whose hash it would change
        return trainer

    def write(self, checkpoint: Any, part: Any) -> None:
        # Behind the training: its step may be over before the save of the step before begins.
        self.saved = checkpoint["global_step"] - 1
        if self.place == "writing" and self.saved >= self.step:
            write(checkpoint, part)
            part.truncate(part.tell() // 2)
            part.flush()
            self.happen()
        write(checkpoint, part)

    def read(self, *args: Any, **settings: Any) -> Any:
        if self.place == "written" and self.saved >= self.step:
            self.happen()
        return read(*args, **settings)


def main() -> None:
    place, step, name, rank = os.environ.get("FAULT", "step -1 SIGKILL 0").split()
    if rank in (os.environ.get("LOCAL_RANK", "0"), "all"):
        fault = Fault(place, step, name)
        preparing.assemble_trainer = fault.in_trainer
        atomic._write, atomic.read = fault.write, fault.read
    train.main()


if __name__ == "__main__":
    main()
