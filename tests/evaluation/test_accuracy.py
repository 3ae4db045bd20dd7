"""kNN and linear probe: the numbers of plain references, and protocols that tell how they were made."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from cl_lightning.evaluation import Features, draw_labels, knn_accuracy, linear, linear_accuracy
from tests.metrics import oracle


def samples(images: int, seed: int, classes: int = 4, spread: float = 1.0) -> Features:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(images) % classes
    features = spread * torch.randn(images, 6, generator=generator) + 2 * torch.eye(6)[labels]
    return Features(features * torch.tensor([1.0, 10, 0.1, 1, 5, 1]) + 3, labels)


TRAIN, VAL = samples(80, 0), samples(60, 1)


def plain_probe(train: Features, val: Features, rows: np.ndarray) -> float:
    """Softmax regression: sum of cross-entropies + |w|^2 / 2, bias free, by another optimiser's interface."""
    x, y = train.features.double().numpy(), train.labels.numpy()
    mean, std = x.mean(0), x.std(0)
    labelled, test = (x[rows] - mean) / std, (val.features.double().numpy() - mean) / std
    classes = int(y.max()) + 1

    def scores(parameters: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        weights = parameters.reshape(classes, -1)
        return inputs @ weights[:, :-1].T + weights[:, -1]

    def objective(parameters: np.ndarray) -> float:
        s = scores(parameters, labelled)
        right = s[np.arange(len(s)), y[rows]]
        weights = parameters.reshape(classes, -1)[:, :-1]
        return (logsumexp(s, axis=1) - right).sum() + (weights**2).sum() / 2

    best = minimize(objective, np.zeros(classes * (x.shape[1] + 1)), method="BFGS").x
    return float((scores(best, test).argmax(1) == val.labels.numpy()).mean())


def test_knn_is_sorting_and_voting_in_loops() -> None:
    for k, temperature in ((1, 0.1), (7, 0.1), (80, 1.0)):
        expected = oracle.knn_accuracy(*TRAIN, *VAL, k, temperature)
        assert knn_accuracy(TRAIN, VAL, k, temperature).accuracy == pytest.approx(expected)


def test_the_knn_protocol_tells_the_neighbours_that_voted() -> None:
    result = knn_accuracy(TRAIN, VAL, 200, 0.07)
    assert result.accuracy == knn_accuracy(TRAIN, VAL, 80, 0.07).accuracy
    assert result.protocol == (
        "vote of the 80 nearest of 80 clean training images by cosine similarity s",
        "weights exp(s / 0.07)",
        "60 validation images",
    )


def test_the_linear_probe_is_a_plain_softmax_regression() -> None:
    result = linear_accuracy(TRAIN, VAL)
    assert result.accuracy == pytest.approx(plain_probe(TRAIN, VAL, np.arange(80)))
    assert 0.5 < result.accuracy < 0.95
    assert (result.std, result.draws, result.converged) == (0.0, 1, 1)
    assert result.protocol[1:] == ("all 80 labels", "60 validation images")


def test_few_labels_give_mean_and_deviation_over_the_draws() -> None:
    result = linear_accuracy(TRAIN, VAL, labels_per_class=3, draws=4)
    scores = [plain_probe(TRAIN, VAL, rows) for rows in draw_labels(TRAIN.labels.numpy(), 3, 4)]
    assert len(set(scores)) > 1
    assert result.accuracy == pytest.approx(sum(scores) / 4)
    assert result.std == pytest.approx((sum((s - sum(scores) / 4) ** 2 for s in scores) / 4) ** 0.5)
    assert result.protocol[1] == "3 labels a class, 4 draws"
    assert linear_accuracy(TRAIN, VAL, 1, 1).protocol[1] == "1 label a class, 1 draw"


def test_draws_are_the_same_each_time_and_differ_from_each_other() -> None:
    labels = samples(50, 2).labels.numpy()
    draws = draw_labels(labels, 5, 10)
    for rows, again in zip(draws, draw_labels(labels, 5, 10), strict=True):
        assert (rows == again).all()
        assert np.bincount(labels[rows]).tolist() == [5] * 4
        assert len(set(rows)) == 20
    assert len({tuple(rows) for rows in draws}) == 10
    # The first draws do not depend on how many follow.
    assert all((a == b).all() for a, b in zip(draws, draw_labels(labels, 5, 3), strict=False))


def test_all_images_of_a_class_may_be_drawn_and_no_more() -> None:
    labels = np.array([3] * 4 + [7] * 6)
    assert sorted(draw_labels(labels, 4, 1)[0][:4]) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"class 3 has 4 training images; accepted: 1 to 4 with --labels"):
        draw_labels(labels, 5, 1)


@pytest.mark.parametrize(
    ("labels", "draws", "key"), [(0, 10, "--labels"), (-1, 1, "--labels"), (1, 0, "--draws")]
)
def test_numbers_that_no_data_has_are_refused(labels: int, draws: int, key: str) -> None:
    with pytest.raises(ValueError, match=key):
        linear_accuracy(TRAIN, VAL, labels, draws)


def test_a_fit_that_was_stopped_is_told_in_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "ITERATIONS", 3)
    result = linear_accuracy(TRAIN, VAL)
    assert result.converged == 0
    assert result.protocol[1] == "all 80 labels (1 of 1 fit stopped at 3 iterations)"
    few = linear_accuracy(TRAIN, VAL, 2, 3)
    assert few.protocol[1] == "2 labels a class, 3 draws (3 of 3 fits stopped at 3 iterations)"


def test_a_feature_that_never_changes_is_harmless() -> None:
    constant = [
        Features(torch.cat([f.features, torch.ones(len(f.labels), 1)], 1), f.labels) for f in (TRAIN, VAL)
    ]
    assert linear_accuracy(*constant).accuracy == linear_accuracy(TRAIN, VAL).accuracy


def test_images_of_classes_that_cannot_be_learnt_are_wrong_and_told() -> None:
    val = Features(VAL.features, torch.where(VAL.labels == 3, 9, VAL.labels))
    for result in (knn_accuracy(TRAIN, val), linear_accuracy(TRAIN, val)):
        assert result.accuracy <= 0.75
        assert "15 of them of a class without training images" in result.protocol[-1]


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"accepted: .*--protocol"):
        linear_accuracy(Features(TRAIN.features, TRAIN.labels * 0), VAL)
