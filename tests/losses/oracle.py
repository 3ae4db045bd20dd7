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


def dcl(z_a: Tensor, z_b: Tensor, temperature: float, sigma: float | None = None) -> float:
    z = z_a.tolist() + z_b.tolist()
    n = len(z_a)
    weights = dcl_weights(z_a, z_b, sigma)
    terms = []
    for i in range(2 * n):
        positive = cosine(z[i], z[(i + n) % (2 * n)]) / temperature
        negatives = [cosine(z[i], z[k]) / temperature for k in range(2 * n) if k % n != i % n]
        terms.append(log_sum_exp(negatives) - weights[i % n] * positive)
    return math.fsum(terms) / (2 * n)


def dcl_info_nce(
    queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float, sigma: float | None = None
) -> float:
    weights = dcl_weights(queries, keys, sigma)
    terms = []
    for i, (query, key) in enumerate(zip(queries.tolist(), keys.tolist(), strict=True)):
        logits = [cosine(query, n) / temperature for n in negatives.tolist()]
        terms.append(log_sum_exp(logits) - weights[i] * cosine(query, key) / temperature)
    return math.fsum(terms) / len(queries)


def dcl_weights(a: Tensor, b: Tensor, sigma: float | None) -> list[float]:
    if sigma is None:
        return [1.0] * len(a)
    exp = [math.exp(cosine(x, y) / sigma) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    mean = math.fsum(exp) / len(exp)
    return [2 - x / mean for x in exp]


def hard_nt_xent(
    z_a: Tensor, z_b: Tensor, temperature: float, beta: float = 1.0, tau_plus: float = 0.1
) -> float:
    z = z_a.tolist() + z_b.tolist()
    n = len(z_a)
    terms = []
    for i in range(2 * n):
        positive = cosine(z[i], z[(i + n) % (2 * n)])
        negatives = [cosine(z[i], z[k]) for k in range(2 * n) if k % n != i % n]
        terms.append(hard_term(positive, negatives, temperature, beta, tau_plus))
    return math.fsum(terms) / (2 * n)


def hard_info_nce(
    queries: Tensor,
    keys: Tensor,
    negatives: Tensor,
    temperature: float,
    beta: float = 1.0,
    tau_plus: float = 0.1,
) -> float:
    terms = []
    for query, key in zip(queries.tolist(), keys.tolist(), strict=True):
        similarities = [cosine(query, n) for n in negatives.tolist()]
        terms.append(hard_term(cosine(query, key), similarities, temperature, beta, tau_plus))
    return math.fsum(terms) / len(queries)


def hard_term(
    positive: float, negatives: list[float], temperature: float, beta: float, tau_plus: float
) -> float:
    n, own = len(negatives), math.exp(positive / temperature)
    exp = [math.exp(x / temperature) for x in negatives]
    weights = [math.exp(beta * x / temperature) for x in negatives]
    mean = math.fsum(weights) / n
    weighted = math.fsum(w / mean * x for w, x in zip(weights, exp, strict=True))
    competing = max((weighted - tau_plus * n * own) / (1 - tau_plus), n * math.exp(-1 / temperature))
    return math.log1p(competing / own)


def sup_con(z_a: Tensor, z_b: Tensor, labels: Tensor, temperature: float) -> float:
    z, label = z_a.tolist() + z_b.tolist(), labels.tolist() * 2
    n = len(z_a)
    terms = []
    for i in range(2 * n):
        others = [k for k in range(2 * n) if k != i]
        logits = {k: cosine(z[i], z[k]) / temperature for k in others}
        positives = [k for k in others if k % n == i % n or label[k] == label[i] != -1]
        mean = math.fsum(logits[k] for k in positives) / len(positives)
        terms.append(log_sum_exp(list(logits.values())) - mean)
    return math.fsum(terms) / (2 * n)


def neighbour_nce(neighbours: Tensor, predictions: Tensor, temperature: float) -> float:
    terms = []
    for i, neighbour in enumerate(neighbours.tolist()):
        logits = [cosine(neighbour, p) / temperature for p in predictions.tolist()]
        terms.append(log_sum_exp(logits) - logits[i])
    return math.fsum(terms) / len(neighbours)


def cosine(x: list[float], y: list[float]) -> float:
    lengths = math.hypot(*x) * math.hypot(*y)
    return math.fsum(a * b for a, b in zip(x, y, strict=True)) / lengths if lengths else 0.0


def log_sum_exp(logits: list[float]) -> float:
    largest = max(logits)
    return largest + math.log(math.fsum(math.exp(x - largest) for x in logits))
