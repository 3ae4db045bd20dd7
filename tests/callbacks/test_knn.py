"""KNNMonitor: the number is evaluation's, and measuring changes nothing."""

import re
import warnings
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import Dataset

from cl_lightning import MoCoV2
from cl_lightning.callbacks import KNNMonitor
from cl_lightning.data import ContrastiveData, TensorImages, synthetic
from cl_lightning.evaluation import FrozenFeatures, knn_accuracy
from tests import small
from tests.metrics import oracle

EVALUATED: dict[str, Any] = {"limit_val_batches": 1.0}


def fit(data: ContrastiveData, monitor: KNNMonitor, method: Any = None, **settings: Any) -> tuple[Any, Any]:
    callbacks = small.moco_callbacks() if isinstance(method, MoCoV2) else []
    method, trainer = method or small.simclr(), small.trainer(monitor, *callbacks, **(EVALUATED | settings))
    trainer.fit(method, datamodule=data)
    return method, trainer


def unlabelled(part: TensorImages) -> TensorImages:
    return TensorImages(part.images)


@pytest.mark.parametrize("method", ["simclr", "moco"])
def test_the_number_is_that_of_frozen_features_and_of_plain_loops(method: str) -> None:
    data = small.data()
    trained, trainer = fit(data, KNNMonitor(k=7), getattr(small, method)(), max_epochs=2)
    logged = trainer.callback_metrics["val/knn_top1"].item()
    bank, queries = FrozenFeatures(trained.views, trained.encoder.backbone).extract(data, small.trainer())
    assert logged == pytest.approx(knn_accuracy(bank, queries, k=7).accuracy)
    assert logged == pytest.approx(oracle.knn_accuracy(*bank, *queries, k=7, temperature=0.1))
    assert 0.3 < logged <= 1


def test_validation_leaves_the_running_statistics_and_the_mode_alone() -> None:
    method, data = small.simclr(), small.data()
    before = [b.clone() for b in method.encoder.buffers()]
    small.trainer(KNNMonitor(k=7), **EVALUATED).validate(method, datamodule=data, verbose=False)
    assert all(torch.equal(a, b) for a, b in zip(before, method.encoder.buffers(), strict=True))

    modes = []
    step = method.training_step
    method.training_step = lambda *args: modes.append(method.encoder.training) or step(*args)
    fit(data, KNNMonitor(k=7), method, val_check_interval=2)
    assert modes == [True] * 4


@pytest.mark.parametrize("part", ["train", "val"])
def test_images_without_labels_are_told_once_and_nothing_is_logged(part: str) -> None:
    sets = {name: synthetic(name, images=32, size=small.SIZE) for name in ("train", "val")}
    sets[part] = unlabelled(sets[part])
    monitor, data = KNNMonitor(k=7), ContrastiveData(**sets, batch_size=16)
    for _ in range(2):  # a second fit tells again
        with pytest.warns(UserWarning, match="kNN accuracy is left out: not every image has a label") as told:
            _, trainer = fit(data, monitor, max_epochs=2)
        assert len([w for w in told if "kNN" in str(w.message)]) == 1
    assert trainer.callback_metrics["val/alignment"] > 0
    assert "val/knn_top1" not in trainer.callback_metrics
    assert not monitor.has_neighbours


class Own(Dataset[Any]):
    """A user's own set, of which only reading tells that one image lacks a label."""

    def __init__(self, images: TensorImages) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        image, label = self.images[index]
        return image, None if index == 5 else label


@pytest.mark.parametrize("part", ["train", "val"])
def test_a_single_image_without_a_label_is_told_too(part: str) -> None:
    sets: dict[str, Any] = {name: synthetic(name, images=32, size=small.SIZE) for name in ("train", "val")}
    sets[part] = Own(sets[part])
    monitor = KNNMonitor(k=7)
    with pytest.warns(UserWarning, match="kNN accuracy is left out: not every image has a label") as told:
        _, trainer = fit(ContrastiveData(**sets, batch_size=16), monitor, max_epochs=2)
    assert len([w for w in told if "kNN" in str(w.message)]) == 1
    assert "val/knn_top1" not in trainer.callback_metrics
    assert not monitor.has_neighbours


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.filterwarnings("ignore:kNN accuracy is left out")
def test_the_bank_goes_through_the_network_only_where_there_are_labels(labelled: bool) -> None:
    method, val = small.simclr(), synthetic("val", images=32, size=small.SIZE)
    train = synthetic(images=64, size=small.SIZE)
    data = ContrastiveData(train, val if labelled else unlabelled(val), batch_size=16)
    seen: list[int] = []
    method.encoder.backbone.register_forward_hook(lambda _, images, __: seen.append(len(images[0])))
    small.trainer(KNNMonitor(k=7), **EVALUATED).validate(method, datamodule=data, verbose=False)
    # Clean and two views of each query, and the clean bank.
    assert sum(seen) == 3 * 32 + (64 if labelled else 0)


def test_the_sanity_check_leaves_no_number_and_no_neighbours() -> None:
    monitor = KNNMonitor(k=7)
    _, trainer = fit(small.data(), monitor, num_sanity_val_steps=2, check_val_every_n_epoch=5)
    assert "val/knn_top1" not in trainer.callback_metrics
    assert not monitor.has_neighbours


@pytest.mark.parametrize("limit", [1.0, 1])
def test_neighbours_are_indices_of_the_data_sets(limit: float | int) -> None:
    data, monitor = small.data(batch_size=16), KNNMonitor(k=7)
    method, _ = fit(data, monitor, limit_val_batches=limit)
    queries, nearest, same_class = monitor.neighbours(5, 3)
    seen = slice(0, None if limit == 1.0 and isinstance(limit, float) else 16)
    bank, asked = FrozenFeatures(method.views, method.encoder.backbone).extract(data, small.trainer())
    assert queries.tolist() == torch.linspace(0, len(asked.labels[seen]) - 1, 5).long().tolist()
    for query, row, same in zip(queries.tolist(), nearest.tolist(), same_class.tolist(), strict=True):
        cosine = torch.cosine_similarity(asked.features[query, None], bank.features[seen])
        torch.testing.assert_close(cosine[row], cosine.sort(descending=True).values[:3])
        assert same == [data.val[query][1] == data.train[i][1] for i in row]


def test_few_images_have_few_neighbours() -> None:
    monitor = KNNMonitor(k=7)
    fit(small.data(images=16), monitor)
    queries, nearest, same_class = monitor.neighbours(100, 100)
    assert len(queries) == 32
    assert nearest.shape == same_class.shape == (32, 16)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"callbacks.knn.k is 0"):
        KNNMonitor(k=0)
    with pytest.raises(ValueError, match=r"callbacks.knn.temperature is 0"):
        KNNMonitor(temperature=0.0)


@pytest.mark.parametrize("method", ["simclr", "moco"])
def test_a_notebook_needs_nothing_but_a_trainer(method: str, tmp_path: Any) -> None:
    trainer = Trainer(max_epochs=1, accelerator="cpu", default_root_dir=tmp_path)
    with warnings.catch_warnings():  # of the defaults, which are for more images
        warnings.filterwarnings(
            "ignore", message="k = 200 neighbours|callbacks.negative_queue.length is 65536"
        )
        trainer.fit(getattr(small, method)(), small.data())
    assert {"train/loss", "val/knn_top1", "val/alignment"} <= set(trainer.callback_metrics)


def test_training_needs_no_validation_images(tmp_path: Any) -> None:
    trainer = Trainer(max_epochs=1, accelerator="cpu", default_root_dir=tmp_path)
    data = ContrastiveData(synthetic("train", images=32, size=small.SIZE), batch_size=16)
    with pytest.warns(UserWarning, match="kNN accuracy is left out: there are no validation images") as told:
        trainer.fit(small.simclr(), data)
    # Lightning has nothing to add about the validation.
    texts = [str(w.message) for w in told if not re.search("LeafSpec|`srun`", str(w.message))]
    assert sorted(text.split()[0] for text in texts) == ["The", "kNN"], texts
    assert "train/loss" in trainer.callback_metrics
    assert "val/knn_top1" not in trainer.callback_metrics
