"""kNN, probes, retrieval and geometry equal other programs and plain loops, on the same features."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from cl_lightning.data import digits
from cl_lightning.evaluation import (
    Features,
    Percent,
    amount,
    draw_labels,
    knn,
    knn_accuracies,
    linear_accuracy,
)
from cl_lightning.evaluation.geometry import geometry
from cl_lightning.evaluation.retrieval import retrieval
from cl_lightning.metrics import KNNAccuracy


def features(split: str) -> Features:
    """Random directions of digits: neither easy nor without structure."""
    images = digits(split)
    directions = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
    return Features(images.images.flatten(1).float() @ directions + 100, images.labels)


TRAIN, VAL = features("train"), features("val")


def alike(images: int, seed: int) -> Features:
    """Along the axes, so that similarities are -1, 0 or 1 to the bit, and many are equal."""
    generator = torch.Generator().manual_seed(seed)
    axes, signs, labels = torch.randint(0, 3, (3, images), generator=generator)
    return Features(torch.eye(3)[axes] * (2.0 * (signs > 0) - 1)[:, None], labels)


@pytest.mark.parametrize("blocks", [2**14, 300])
def test_knn_is_that_of_scikit_learn_for_each_k_and_temperature_and_block(
    monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    monkeypatch.setattr(knn, "BANK_ROWS", blocks)
    ks, temperatures = (1, 10, 200), (0.07, 0.5)
    found = knn_accuracies(TRAIN, VAL, ks, temperatures)
    assert list(found) == [(k, t) for k in ks for t in temperatures]
    train, val = (part.features.double().numpy() for part in (TRAIN, VAL))
    for (k, t), result in found.items():
        reference = KNeighborsClassifier(
            k, metric="cosine", algorithm="brute", weights=lambda distance, t=t: np.exp((1 - distance) / t)
        ).fit(train, TRAIN.labels.numpy())
        assert (reference.predict(val) == result.predicted.numpy()).all()
        assert result.accuracy == pytest.approx(reference.score(val, VAL.labels.numpy()))


@pytest.mark.parametrize("blocks", [2**14, 13])
def test_of_equal_similarities_and_votes_knn_decides_as_in_training(
    monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    monkeypatch.setattr(knn, "BANK_ROWS", blocks)
    train, val = alike(50, 0), alike(80, 1)
    for k, result in knn_accuracies(train, val, (1, 2, 5, 20, 50), (0.1,)).items():
        metric = KNNAccuracy(k[0], 0.1)
        metric.add_to_bank(*train)
        metric.update(*val)
        assert result.accuracy == metric.compute().item()


def test_no_more_than_a_block_of_similarities_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    nearest = knn.nearest
    monkeypatch.setattr(knn, "BANK_ROWS", 64)
    monkeypatch.setattr(knn, "BLOCK_ELEMENTS", 64 * 10)
    monkeypatch.setattr(knn, "nearest", lambda s, k: (sizes.append(tuple(s.shape)), nearest(s, k))[1])
    knn_accuracies(TRAIN, VAL, (20,), (0.1,))
    assert max(rows for rows, _ in sizes) == 10
    assert max(columns for _, columns in sizes) == 64 + 20


def test_the_probe_is_within_half_a_point_of_scikit_learn() -> None:
    scaler = StandardScaler().fit(TRAIN.features.numpy())
    train, val = (scaler.transform(part.features.numpy()) for part in (TRAIN, VAL))
    reference = LogisticRegression(C=1.0, max_iter=5000, tol=1e-8).fit(train, TRAIN.labels.numpy())
    assert linear_accuracy(TRAIN, VAL).accuracy == pytest.approx(
        reference.score(val, VAL.labels.numpy()), abs=0.005
    )


def retrieved(images: Features, k: int) -> tuple[float, float]:
    """Recall and mean average precision, one query after the other, in float64."""
    x, y = images.features.double().numpy(), images.labels.numpy()
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)
    hits, precisions = [], []
    for query in range(len(x)):
        others = [i for i in range(len(x)) if i != query]
        ranked = sorted(others, key=lambda i: -round(float(x[i] @ x[query]), 6))
        right = [y[i] == y[query] for i in ranked]
        if any(right):
            hits.append(any(right[:k]))
            found = [place for place, is_right in enumerate(right) if is_right]
            precisions.append(np.mean([sum(right[: place + 1]) / (place + 1) for place in found]))
    return float(np.mean(hits)), float(np.mean(precisions))


@pytest.mark.parametrize("images", [Features(*(x[:150] for x in VAL)), alike(60, 2)])
def test_recall_and_average_precision_are_those_of_loops(images: Features) -> None:
    alone = Features(
        torch.cat([images.features, torch.eye(1, images.features.shape[1])]),
        torch.cat([images.labels, torch.tensor([99])]),
    )
    found = retrieval(alone, (1, 5, 1000))
    for k in (1, 5):
        recall, precision = retrieved(alone, k)
        assert found.recall[k] == pytest.approx(recall, abs=1e-12)
        assert found.mean_average_precision == pytest.approx(precision, abs=1e-9)
    assert found.recall[1000] == 1
    assert (found.queries, found.alone) == (len(images.labels), 1)


def test_images_of_classes_of_their_own_can_t_be_retrieved() -> None:
    with pytest.raises(ValueError, match="--protocol"):
        retrieval(Features(torch.eye(3), torch.arange(3)), (1,))


@pytest.mark.parametrize("images", [200, 12])
def test_rank_and_uniformity_are_those_of_numpy(images: int) -> None:
    x = TRAIN.features[:images].double().numpy()
    z = x / np.linalg.norm(x, axis=1, keepdims=True)
    shares = np.linalg.svd(z, compute_uv=False) ** 2
    shares = shares[shares > 1e-12] / shares.sum()
    distances = ((z[:, None] - z[None]) ** 2).sum(2)[~np.eye(images, dtype=bool)]
    found = geometry(TRAIN.features[:images])
    assert found["effective_rank"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-3)
    assert found["uniformity"] == pytest.approx(np.log(np.exp(-2 * distances).mean()), rel=1e-4)


def test_a_share_of_the_labels_is_one_of_each_class_and_at_least_one_image() -> None:
    labels = np.array([0] * 200 + [1] * 30 + [2] * 3)
    for rows in draw_labels(labels, amount("10%"), 3):
        assert np.bincount(labels[rows]).tolist() == [20, 3, 1]
        assert len(set(rows)) == 24
    assert sorted(draw_labels(labels, Percent(100), 1)[0]) == list(range(233))
    for word in ("0", "-1", "0%", "101%", "1.5", "%", "many", "1e-3%%"):
        with pytest.raises(ValueError, match=r".+"):
            amount(word)
