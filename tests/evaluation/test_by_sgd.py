"""The linear probe by SGD and fine-tuning: plain references, and encoders that stay as they are."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cl_lightning.data import ContrastiveData, TensorImages, digits
from cl_lightning.evaluation import linear_accuracy
from cl_lightning.evaluation.labelled_views import fitting, labelled_views
from cl_lightning.evaluation.recipe import FINE_TUNING, PROBE, Recipe
from cl_lightning.pairs import digit_views
from tests import small
from tests.evaluation.learning import CleanViews, learner, plain_fine_tuning

SHORT = Recipe(lr=0.3, epochs=3, steps=0, source="short")


def renumbered(data: ContrastiveData) -> ContrastiveData:
    """The same images with other labels, in the same order."""
    parts = [TensorImages(part.images, other_numbers(part.labels)) for part in (data.train, data.val)]
    return ContrastiveData(*parts, batch_size=data.batch_size)


def other_numbers(labels: torch.Tensor) -> torch.Tensor:
    return 10**12 * labels - 5


def all_labels(made: Any, recipe: Recipe, frozen: bool, seeds: int = 1) -> Any:
    return made.accuracy(recipe, frozen, [None] * seeds, "all labels", "test")


def test_the_probe_without_augmentation_is_within_half_a_point_of_logistic_regression() -> None:
    data = ContrastiveData(digits("train"), digits("val"))
    made = learner(nn.Flatten(), CleanViews(digit_views(8)), data)
    by_sgd = all_labels(made, PROBE, frozen=True)
    by_lbfgs = linear_accuracy(made.train, made.val)
    assert by_lbfgs.accuracy > 0.9
    assert by_sgd.accuracy == pytest.approx(by_lbfgs.accuracy, abs=0.005)


def test_fine_tuning_is_plain_training_in_loops() -> None:
    data, method = small.data(), small.simclr()
    network = method.encoder.backbone
    made = learner(network, method.views, data)
    found = all_labels(made, SHORT, frozen=False, seeds=2)
    for seed in (0, 1):
        views = replace(method.views, operations=(), seed=seed)
        trained, head = plain_fine_tuning(copy.deepcopy(network), 16, data, views, SHORT, seed)
        with torch.no_grad():
            expected = head(trained(views.clean(data.val.images))).argmax(1)
        assert torch.equal(found.predicted[seed], expected)
    assert found.draws == 2
    assert found.accuracy == pytest.approx(
        (found.predicted == data.val.labels).double().mean(1).mean().item()
    )


@pytest.mark.parametrize("frozen", [True, False])
def test_the_encoder_keeps_all_its_bits(frozen: bool) -> None:
    method = small.moco(batch_norm="shuffle", groups=2)
    network = method.encoder.backbone
    before = copy.deepcopy(network.state_dict())
    made = learner(network, method.views, small.data())
    all_labels(made, SHORT, frozen)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert {layer.policy for layer in network.modules() if hasattr(layer, "policy")} == {"shuffle"}


def test_labels_may_be_any_whole_numbers() -> None:
    method, data = small.simclr(), small.data()
    plain, other = (
        all_labels(learner(method.encoder.backbone, method.views, d), SHORT, True)
        for d in (data, renumbered(data))
    )
    assert len(plain.predicted.unique()) > 1
    assert torch.equal(other_numbers(plain.predicted), other.predicted)


def test_classes_without_training_images_are_wrong_and_told() -> None:
    method, data = small.simclr(), small.data()
    labels = data.val.labels.clone()
    labels[:4] = 99
    data = ContrastiveData(data.train, TensorImages(data.val.images, labels), batch_size=16)
    made = learner(method.encoder.backbone, method.views, data)
    found = all_labels(made, SHORT, True)
    assert (found.predicted[0, :4] != 99).all()
    assert found.accuracy == (found.predicted[0] == labels).double().mean()
    assert "4 of them" in found.protocol[-1]


def test_a_seed_is_one_training_and_another_seed_is_another() -> None:
    method = small.simclr()
    made = learner(method.encoder.backbone, method.views, small.data())
    once, again = (all_labels(made, SHORT, False, seeds=2) for _ in range(2))
    assert torch.equal(once.predicted, again.predicted)
    assert not torch.equal(once.predicted[0], once.predicted[1])
    assert once.std > 0


def test_only_the_chosen_images_are_learnt() -> None:
    method, data = small.simclr(), small.data()
    chosen = np.flatnonzero(data.train.labels.numpy() <= 1)
    made = learner(method.encoder.backbone, method.views, data)
    found = made.accuracy(SHORT, False, [chosen], "two classes", "test")
    assert found.predicted.max() <= 1
    only = ContrastiveData(
        TensorImages(data.train.images[chosen], data.train.labels[chosen]), data.val, batch_size=4
    )
    alone = all_labels(learner(method.encoder.backbone, method.views, only), SHORT, False)
    assert torch.equal(found.predicted, alone.predicted)


def test_a_mixed_precision_is_told() -> None:
    method = small.simclr()
    made = learner(method.encoder.backbone, method.views, small.data())
    found = all_labels(replace(made, precision="bf16-mixed"), SHORT, False)
    plain = all_labels(made, SHORT, False)
    assert "bf16-mixed" in found.protocol[2]
    assert found.protocol[2].removesuffix(", bf16-mixed") == plain.protocol[2]
    assert found.accuracy == pytest.approx(plain.accuracy, abs=0.2)


def test_one_class_can_not_be_learnt() -> None:
    method, data = small.simclr(), small.data()
    one = TensorImages(data.train.images, torch.full((64,), 3))
    made = learner(method.encoder.backbone, method.views, ContrastiveData(one, data.val, batch_size=8))
    with pytest.raises(ValueError, match="of one class"):
        all_labels(made, SHORT, True)


def test_weights_that_are_not_finite_are_no_result() -> None:
    method = small.simclr()
    made = learner(method.encoder.backbone, method.views, small.data())
    with pytest.raises(ValueError, match="not finite after 3 epochs"):
        all_labels(made, replace(SHORT, lr=1e30), False)


@pytest.mark.parametrize(
    ("images", "batch", "epochs"),
    [(50_000, 256, 30), (10_000, 256, 30), (400, 32, 84), (20, 16, 1000), (3, 2, 1000)],
)
def test_small_sets_have_smaller_batches_and_are_seen_more_often(
    images: int, batch: int, epochs: int
) -> None:
    assert FINE_TUNING.batch_size(images) == batch
    assert FINE_TUNING.epochs_for(images) == epochs
    assert FINE_TUNING.lasting(5).epochs_for(images) == 5


def test_the_views_keep_the_crop_and_lose_the_colours() -> None:
    views = small.simclr().views
    kept = labelled_views(views, 7)
    assert (kept.crop, kept.flip, kept.size, kept.mean) == (views.crop, views.flip, views.size, views.mean)
    assert (kept.operations, kept.seed) == ((), 7)
    warped = digit_views(8)
    assert labelled_views(warped, 7) == replace(warped, seed=7)


def test_images_of_another_size_are_cut_only_for_views_that_cut_none() -> None:
    images = torch.randint(256, (2, 1, 12, 10), dtype=torch.uint8)
    warped, cropping = digit_views(8), small.simclr().views
    fitted = fitting(warped, images)
    assert (fitted.shape, fitted.dtype) == ((2, 1, 8, 8), torch.uint8)
    assert (warped.clean(fitted) - warped.clean(images)).abs().max() < 0.02 / min(warped.std)  # rounded
    assert fitting(warped, fitted) is fitted
    assert fitting(cropping, images) is images
