"""Labelled images to train a classifier on, and images whose classes it predicts."""

import numpy as np
import torch
from jaxtyping import Int
from lightning.pytorch import LightningDataModule
from torch.utils.data import Subset

from cl_lightning.data.contrastive_data import ContrastiveData
from cl_lightning.data.loaders import Loader, Loaders
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.data.workers.worker_loader import OpenLoaders


class LabelledData(LightningDataModule):
    """The labelled images of a `ContrastiveData` (its `bank`), or some of them, and its `val`.

    Training batches have `batch_size` images over all processes, in an order of (`seed`, epoch); an epoch
    leaves out those that do not fill a batch. The images to predict come in order, each once over all
    processes. An image's index is its place among the chosen ones.

    Args:
        chosen: the numbers of the images to train on; None: all.
    """

    def __init__(
        self, data: ContrastiveData, chosen: Int[np.ndarray, " chosen"] | None, batch_size: int, seed: int
    ) -> None:
        super().__init__()
        assert data.val is not None, "there is something to predict"
        self.train, self.val = chosen_of(data.bank, chosen), data.val
        self.batch_size, self.seed = batch_size, seed
        self.data = data
        self._open = OpenLoaders()

    def train_dataloader(self) -> Loader:
        """This process's part of each batch."""
        batches = len(self.train) // self.batch_size
        return self._loaders(self.batch_size).training(self.train, self.seed, batches)

    def predict_dataloader(self) -> Loader:
        """This process's share of the images to predict."""
        return self._loaders(self.data.batch_size).evaluation(self.val)

    def teardown(self, stage: str) -> None:
        """Ends the workers."""
        self._open.close()

    def on_exception(self, exception: BaseException) -> None:
        """Ends the workers here too, because Lightning calls no teardown after an error."""
        self.teardown("fit")

    def _loaders(self, batch_size: int) -> Loaders:
        return Loaders(self.trainer, batch_size, self.data.num_workers, self.data.broken.add, self._open)


def chosen_of(part: MapStyle, numbers: Int[np.ndarray, " chosen"] | None) -> MapStyle:
    """The items of `part` with these numbers; None: `part` itself."""
    if numbers is None:
        return part
    if isinstance(part, TensorImages):
        rows = torch.from_numpy(numbers)
        return TensorImages(part.images[rows], part.labels[rows], part.name)
    return Subset(part, numbers.tolist())  # type: ignore[arg-type]  # any map-style set
