"""The pictures of a run folder."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from matplotlib.figure import Figure
from torch import Tensor

from cl_lightning.callbacks import HealthMonitor, KNNMonitor
from cl_lightning.data import TensorImages, image_and_label
from cl_lightning.data.class_names import numbers_by_name
from cl_lightning.data.readable import bare
from cl_lightning.data.transforms import training_crops
from cl_lightning.plots import (
    plot_curves,
    plot_features,
    plot_neighbours,
    plot_pairs,
    plot_spectrum,
    plot_trajectory,
)
from cl_lightning.plots.canvas import as_png
from cl_lightning.runs.folder import RunFolder

SHOWN = 8


def write_pictures(folder: RunFolder, trainer: Trainer) -> list[Path]:
    """Write pairs.png into plots/, and a picture of all that was measured."""
    data, views = trainer.datamodule, trainer.lightning_module.views  # type: ignore[attr-defined]
    pictures: dict[str, Figure | None] = {"pairs": pairs(data.train, views)}
    if folder.metrics.is_file():
        pictures["curves"] = plot_curves(folder.metrics)
        pictures["alignment_uniformity"] = plot_trajectory(folder.metrics)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, KNNMonitor) and callback.has_neighbours:
            pictures["neighbours"] = neighbours(data, callback)
            pictures["map"] = feature_map(data, callback)
        if isinstance(callback, HealthMonitor) and callback.spectra["train"]:
            pictures["spectrum"] = plot_spectrum(callback.spectra)
    folder.plots.mkdir(exist_ok=True)
    written = []
    for name, picture in pictures.items():
        if picture is not None:
            written.append(folder.plots / f"{name}.png")
            written[-1].write_bytes(as_png(picture))
    return written


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


def feature_map(data: Any, knn: KNNMonitor) -> Figure | None:
    """The validation images of the last kNN evaluation in the plane; None if features are not finite."""
    features, labels = knn.validation_features()
    if not features.isfinite().all():
        return None
    numbers = numbers_by_name(bare(data.bank)) or numbers_by_name(bare(data.val))
    return plot_features(features, labels, {number: name for name, number in numbers.items()})


def image_of(part: Any, index: int) -> Tensor:
    """Image `index` of a data set, uint8 [channels, height, width]."""
    return image_and_label(part[index])[0]
