"""How long training stands still for a save: written on the spot, and by a thread.

    python -m tests.benchmarks.save_stall

MoCo v2 with a ResNet-50 and 65,536 keys; five saves each, medians.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from cl_lightning.callbacks import LastCheckpoint
from cl_lightning.checkpoints import AtomicCheckpointIO, BackgroundCheckpointIO
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.methods import MoCoV2
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views
from tests import small

STEPS, KEYS, SIZE = 5, 65_536, 32


class Timed(LastCheckpoint):
    """Notes how long each save took."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, every_n_epochs=None, every_n_steps=1)
        self.seconds: list[float] = []

    def save(self, trainer: Any) -> Path:
        begun = time.perf_counter()
        file = super().save(trainer)
        self.seconds.append(time.perf_counter() - begun)
        trainer.strategy.checkpoint_io.teardown()  # each save by itself
        return file


def main() -> None:
    for name, plugin in {
        "on the spot": AtomicCheckpointIO(),
        "by a thread": BackgroundCheckpointIO(),
    }.items():
        method = MoCoV2(
            moco_v2_views(SIZE), Encoder(ResNet(50, stem="cifar")), schedule=WarmupCosine(lr_scaling="none")
        )
        data = ContrastiveData(synthetic("train", images=4 * (STEPS + 1), size=SIZE), batch_size=4)
        with tempfile.TemporaryDirectory() as folder:
            timed = Timed(Path(folder))
            callbacks = small.moco_callbacks(momentum=0.999, length=KEYS)
            small.trainer(*callbacks, timed, enable_checkpointing=True, plugins=[plugin]).fit(method, data)
            size = (Path(folder) / "last.ckpt").stat().st_size / 2**20
        print(
            f"{name}: {statistics.median(timed.seconds[:STEPS]):.3f} s a save of {size:.0f} MiB", flush=True
        )


if __name__ == "__main__":
    main()
