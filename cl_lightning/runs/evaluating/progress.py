"""How many images have their features, and the time left, if it takes long."""

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm import tqdm

from cl_lightning.callbacks.bars import Lines, redraws

ON_A_TERMINAL = "{desc} |{bar}| {n_fmt}/{total_fmt}, {remaining} left"
ELSEWHERE = "{desc} {percentage:3.0f}%, {n_fmt} of {total_fmt} images, {elapsed} so far, {remaining} left"
SHORT = 2.0  # seconds; a terminal shows nothing of what takes less
LOG = 20.0  # seconds before the first line in a file or log, and between two


class FeatureProgress(Callback):
    """One line for the features of one network, on the first process, which counts for those beside it."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        settings: dict[str, Any] = {
            "total": len(data.val) + len(data.bank),
            "desc": "features",
            "miniters": 1,
        }
        if redraws():
            self._bar = tqdm(
                bar_format=ON_A_TERMINAL, delay=SHORT, leave=False, dynamic_ncols=True, **settings
            )
        else:
            self._bar = Lines(bar_format=ELSEWHERE, mininterval=LOG, **settings)
            self._bar.last_print_t = time.time()

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self._bar is not None:
            images = len(batch.index) * trainer.world_size
            self._bar.update(min(images, self._bar.total - self._bar.n))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._bar is not None:
            self._bar.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if self._bar is not None:
            self._bar.close()
