"""Frozen features: evaluation mode, the order of the data, nothing trained."""

from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from cl_lightning.data import ContrastiveData, TensorImages
from cl_lightning.evaluation import FrozenFeatures
from cl_lightning.evaluation.recipe import PROBE
from tests import small
from tests.evaluation.learning import learner


class Photos(torch.utils.data.Dataset):
    """PIL images, which workers or the main process read; every third one has no label."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.images[index].permute(1, 2, 0).numpy()), index % 3 - 1


def plain(network: nn.Module, views: Any, images: torch.Tensor) -> torch.Tensor:
    """One image after the other."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(views.clean(image[None])) for image in images])


def test_features_are_those_of_each_image_alone_in_the_order_of_the_data() -> None:
    data, method = small.data(), small.simclr()
    backbone = method.encoder.backbone.train()
    with torch.no_grad():  # running statistics unlike those of any batch
        backbone(torch.randn(64, 3, 8, 8) * 3 + 1)
    state = {name: value.clone() for name, value in backbone.state_dict().items()}
    bank, queries = FrozenFeatures(method.views, backbone).extract(data, small.trainer())
    for part, features in ((data.train, bank), (data.val, queries)):
        torch.testing.assert_close(features.features, plain(backbone, method.views, part.images))
        assert torch.equal(features.labels, part.labels)
        assert not features.features.requires_grad
    assert all(torch.equal(value, state[name]) for name, value in backbone.state_dict().items())


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_changes_nothing(batch_size: int) -> None:
    method = small.simclr()
    first, _ = FrozenFeatures(method.views, method.encoder.backbone).extract(small.data(), small.trainer())
    other, _ = FrozenFeatures(method.views, method.encoder.backbone).extract(
        small.data(batch_size=batch_size), small.trainer()
    )
    torch.testing.assert_close(first.features, other.features)
    assert torch.equal(first.labels, other.labels)


def test_images_of_any_data_set_keep_their_order_and_missing_labels() -> None:
    images, method = small.data().train.images, small.simclr()
    data = ContrastiveData(TensorImages(images), Photos(images), batch_size=10)
    bank, queries = FrozenFeatures(method.views, method.encoder.backbone).extract(data, small.trainer())
    torch.testing.assert_close(bank.features, queries.features)
    assert (bank.labels == -1).all()
    assert queries.labels.tolist() == [index % 3 - 1 for index in range(64)]


def test_a_network_in_float64_is_measured_and_tuned_too() -> None:
    data, method = small.data(), small.simclr()
    plain, _ = FrozenFeatures(method.views, method.encoder.backbone).extract(data, small.trainer())
    made = learner(method.encoder.backbone.double(), method.views, data)
    torch.testing.assert_close(made.train.features, plain.features)
    for frozen in (True, False):
        found = made.accuracy(PROBE.lasting(1), frozen, [None], "all labels", "test")
        assert found.predicted.shape == (1, 32)


def test_views_without_an_input_for_evaluation_give_the_images_with_a_warning() -> None:
    data = small.data()
    with pytest.warns(UserWarning, match="no method `clean"):
        _, queries = FrozenFeatures(object(), nn.Flatten()).extract(data, small.trainer())
    assert torch.equal(queries.features, (data.val.images / 255).flatten(1))


def test_pixels_are_the_clean_images() -> None:
    data, method = small.data(), small.simclr()
    _, queries = FrozenFeatures(method.views, nn.Flatten()).extract(data, small.trainer())
    assert torch.equal(queries.features, method.views.clean(data.val.images).flatten(1))
