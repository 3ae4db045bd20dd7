"""How many images have their rows, how fast, and the time left."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm import tqdm

from cl_lightning.callbacks.bars import Lines, redraws

ON_A_TERMINAL = "{desc} |{bar}| {n_fmt}/{total_fmt}, {remaining} left, {rate_noinv_fmt}"
ELSEWHERE = (
    "{desc} {percentage:3.0f}%, {n_fmt} of {total_fmt} images, {elapsed} so far, {remaining} left, "
    "{rate_noinv_fmt}"
)
REFRESH = 0.5  # seconds between two updates on a terminal
LOG = 20.0  # seconds between two lines in a file or log


class EmbeddingProgress(Callback):
    """One line for all images, on the first process, which counts for those beside it too.

    Args:
        images: the number of all images.
    """

    def __init__(self, images: int) -> None:
        self.images = images
        self._bar: tqdm | None = None

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        self._own = sum(order.images for order in data.orders)
        self._todo, self._done = data.todo, 0
        terminal = redraws()
        self._bar = (tqdm if terminal else Lines)(
            total=self.images,
            initial=self.images - self._todo,
            desc="embedding",
            unit=" images",
            mininterval=REFRESH if terminal else LOG,
            miniters=1,
            smoothing=0,
            dynamic_ncols=terminal,
            bar_format=ON_A_TERMINAL if terminal else ELSEWHERE,
        )

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self._bar is None:
            return
        self._done += len(batch.index)
        here = self.images - self._todo + round(self._todo * self._done / self._own)
        self._bar.update(here - self._bar.n)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._bar is not None:
            self._bar.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if self._bar is not None:
            self._bar.close()
