"""The losses as the papers write them: nested loops in float64, a term at a time."""

import math

from torch import Tensor


def nt_xent(z_a: Tensor, z_b: Tensor, temperature: float) -> float:
    z = z_a.tolist() + z_b.tolist()
    n = len(z_a)
    terms = []
    for i in range(2 * n):
        positive = (i + n) % (2 * n)
        logits = [cosine(z[i], z[k]) / temperature for k in range(2 * n) if k != i]
        terms.append(log_sum_exp(logits) - cosine(z[i], z[positive]) / temperature)
    return math.fsum(terms) / (2 * n)


def info_nce(queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float) -> float:
    terms = []
    for query, key in zip(queries.tolist(), keys.tolist(), strict=True):
        positive = cosine(query, key) / temperature
        logits = [positive] + [cosine(query, n) / temperature for n in negatives.tolist()]
        terms.append(log_sum_exp(logits) - positive)
    return math.fsum(terms) / len(queries)


def cosine(x: list[float], y: list[float]) -> float:
    lengths = math.hypot(*x) * math.hypot(*y)
    return math.fsum(a * b for a, b in zip(x, y, strict=True)) / lengths if lengths else 0.0


def log_sum_exp(logits: list[float]) -> float:
    largest = max(logits)
    return largest + math.log(math.fsum(math.exp(x - largest) for x in logits))
