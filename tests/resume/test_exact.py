"""A resumed fit ends with the bits of the one that was never interrupted."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback
from torch import Tensor
from torch.utils.data import Dataset

from cl_lightning.callbacks.support_set import SupportSet
from cl_lightning.data import ContrastiveData, TensorImages, synthetic
from tests import small
from tests.resume.compare import differences

EPOCHS, STEPS = 3, 8  # of 16 batches of 4 images, two of which make a step
# Inside the first epoch, inside the second, at the end of an epoch.
PLAIN = {"simclr": small.simclr, "nnclr": small.nnclr}
PLACES = {"first epoch": 3, "inside an epoch": 13, "end of an epoch": 2 * STEPS}


class OneByOne(Dataset[tuple[Tensor, int]]):
    """Images that loaders read one by one."""

    def __init__(self, images: TensorImages) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.images[index]


class SaveAt(Callback):
    """Saves after a step; at the end of an epoch where that is its last one."""

    def __init__(self, step: int, file: Path) -> None:
        self.step, self.file = step, file

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        steps_done = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if trainer.global_step == self.step and steps_done and not trainer.is_last_batch:
            trainer.save_checkpoint(self.file)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.file)


def data(workers: int | None) -> ContrastiveData:
    """On the device, or read one by one by this many workers."""
    images = synthetic("train", images=66, size=small.SIZE)
    if workers is None:
        return ContrastiveData(images, batch_size=4, seed=1)
    return ContrastiveData(OneByOne(images), batch_size=4, seed=1, num_workers=workers)


def fit(
    method: str, workers: int | None, precision: str, *callbacks: Any, resume: Path | None = None
) -> dict[str, Any]:
    """All that a checkpoint of the end holds, but the loops' clocks."""
    made: Any = small.moco("shuffle", groups=2, symmetric=True) if method == "moco" else PLAIN[method]()
    made.default_callbacks.clear()
    owned = {"moco": small.moco_callbacks(length=40), "nnclr": [SupportSet(40)]}.get(method, [])
    trainer = small.trainer(
        *owned, *callbacks, max_epochs=EPOCHS, accumulate_grad_batches=2, precision=precision
    )
    trainer.fit(made, datamodule=data(workers), ckpt_path=resume, weights_only=True)
    assert trainer.global_step == EPOCHS * STEPS
    found = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
    return {name: found[name] for name in ("state_dict", "optimizer_states", "lr_schedulers", "callbacks")}


CASES = [
    *((method, None, "32-true") for method in ("simclr", "moco", "nnclr")),
    *(("moco", workers, "32-true") for workers in (0, 2)),
    ("moco", None, "bf16-mixed"),
]


@pytest.mark.parametrize(("method", "workers", "precision"), CASES)
def test_weights_optimizer_schedule_keys_and_queue_are_those_of_the_uninterrupted_fit(
    method: str, workers: int | None, precision: str, tmp_path: Path
) -> None:
    saves = [SaveAt(step, tmp_path / f"{step}.ckpt") for step in PLACES.values()]
    expected = fit(method, workers, precision, *saves)
    for place, step in PLACES.items():
        resumed = fit(method, workers, precision, resume=tmp_path / f"{step}.ckpt")
        assert differences(expected, resumed) == [], place
