"""The metrics as plain loops in float64."""

import math
from typing import Any

import numpy as np
from torch import Tensor


def sphere(z: Tensor) -> list[list[float]]:
    rows = z.tolist()
    return [[x / (math.hypot(*row) or 1.0) for x in row] for row in rows]


def dot(x: list[float], y: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(x, y, strict=True))


def squared_distance(x: list[float], y: list[float]) -> float:
    return math.fsum((a - b) ** 2 for a, b in zip(x, y, strict=True))


def alignment(z_a: Tensor, z_b: Tensor) -> float:
    pairs = list(zip(sphere(z_a), sphere(z_b), strict=True))
    return math.fsum(squared_distance(x, y) for x, y in pairs) / len(pairs)


def uniformity(z: Tensor, t: float = 2.0) -> float:
    rows = sphere(z)
    terms = [
        math.exp(-t * squared_distance(x, y)) for i, x in enumerate(rows) for y in rows[:i] + rows[i + 1 :]
    ]
    return math.log(math.fsum(terms) / len(terms))


def knn_accuracy(
    bank: Tensor, labels: Tensor, queries: Tensor, truth: Tensor, k: int, temperature: float
) -> float:
    correct = 0
    for query, label in zip(sphere(queries), truth.tolist(), strict=True):
        similarities = [dot(query, row) for row in sphere(bank)]
        nearest = sorted(range(len(bank)), key=lambda i: -similarities[i])[:k]
        votes: dict[int, float] = {}
        for i in nearest:
            weight = math.exp(similarities[i] / temperature)
            votes[int(labels[i])] = votes.get(int(labels[i]), 0) + weight
        correct += min(votes, key=lambda c: (-votes[c], c)) == label
    return correct / len(queries)


def contrast(
    anchors: Tensor, positives: Tensor, negatives: Tensor | None, own: slice = slice(None)
) -> dict[str, float]:
    a, b = sphere(anchors), sphere(positives)
    if negatives is None:
        n, views = len(a), a + b
        cases = [
            (views[i], views[(i + n) % (2 * n)], [z for j, z in enumerate(views) if j % n != i % n])
            for i in range(2 * n)
            if i % n in range(n)[own]
        ]
    else:
        cases = [(x, y, sphere(negatives)) for x, y in zip(a, b, strict=True)]
    won, positive, negative = 0, [], []
    for anchor, own, others in cases:
        positive.append(dot(anchor, own))
        scores = [dot(anchor, other) for other in others]
        negative += scores
        won += positive[-1] > max(scores)
    return {
        "contrastive_top1": won / len(cases),
        "positive_similarity": math.fsum(positive) / len(positive),
        "negative_similarity": math.fsum(negative) / len(negative),
    }


def moments(z: Tensor) -> dict[str, Any]:
    """By numpy in float64, from all rows at once."""
    unit = z.double().numpy()
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    shares, centred = (np.linalg.svd(x, compute_uv=False) ** 2 for x in (unit, unit - unit.mean(0)))
    shares, centred = shares / shares.sum(), centred / centred.sum()
    return {
        "embedding_std": unit.std(0).mean(),
        "spread": unit.var(0).sum(),
        "effective_rank": math.exp(-(shares * np.log(shares)).sum()),
        "largest_share": shares[0],
        "directions_90": int(np.searchsorted(shares.cumsum(), 0.9)) + 1,
        "centred_rank": math.exp(-(centred * np.log(centred)).sum()),
        "spectrum": shares,
    }
