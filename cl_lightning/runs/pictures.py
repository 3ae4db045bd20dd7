"""The pictures of a run folder."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from matplotlib.figure import Figure
from torch import Tensor

from cl_lightning.callbacks import HealthMonitor, KNNMonitor
from cl_lightning.data import TensorImages, image_and_label
from cl_lightning.data.transforms import training_crops
from cl_lightning.plots import plot_curves, plot_neighbours, plot_pairs, plot_spectrum
from cl_lightning.runs.folder import RunFolder

SHOWN = 8


def write_pictures(folder: RunFolder, trainer: Trainer) -> list[Path]:
    """Write pairs.png into plots/, and, if measured, curves.png, spectrum.png and neighbours.png."""
    data, views = trainer.datamodule, trainer.lightning_module.views  # type: ignore[attr-defined]
    pictures = {"pairs": pairs(data.train, views)}
    if folder.metrics.is_file():
        pictures["curves"] = plot_curves(folder.metrics)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, KNNMonitor) and callback.has_neighbours:
            pictures["neighbours"] = neighbours(data, callback)
        if isinstance(callback, HealthMonitor) and callback.spectra["train"]:
            pictures["spectrum"] = plot_spectrum(callback.spectra)
    folder.plots.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        picture.savefig(folder.plots / f"{name}.png", dpi=110)
    return [folder.plots / f"{name}.png" for name in pictures]


def pairs(train: Any, views: Any) -> Figure:
    """Some training images, evenly spread, with their views in epoch 0, as the model saw them."""
    index = torch.linspace(0, len(train) - 1, min(SHOWN, len(train))).long()
    images = [image_of(train, i) for i in index.tolist()]
    batch = images
    cut = None if isinstance(train, TensorImages) else training_crops(views)
    if cut is not None:
        batch = [cut(image, i, 0) for image, i in zip(images, index.tolist(), strict=True)]
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (views.mean, views.std))
    view_a, view_b = (view * std + mean for view in views(torch.stack(batch), index, 0))
    return plot_pairs(images, list(view_a), list(view_b))


def neighbours(data: Any, knn: KNNMonitor) -> Figure:
    """Some validation images with their nearest training images in the last kNN evaluation."""
    queries, nearest, same_class = knn.neighbours(SHOWN, SHOWN)
    found = [[image_of(data.bank, i) for i in row] for row in nearest.tolist()]
    return plot_neighbours([image_of(data.val, i) for i in queries.tolist()], found, same_class)


def image_of(part: Any, index: int) -> Tensor:
    """Image `index` of a data set, uint8 [channels, height, width]."""
    return image_and_label(part[index])[0]
