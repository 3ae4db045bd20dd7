"""The losses over one matrix of all similarities, for autograd to differentiate."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def nt_xent(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
    positive, negatives = among_views(z_a, z_b, temperature)
    return cross_entropy(positive, negatives)


def info_nce(queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    return cross_entropy(*against_queue(queries, keys, negatives, temperature))


def dcl(z_a: Tensor, z_b: Tensor, temperature: float, sigma: float | None = None) -> Tensor:
    return decoupled(*among_views(z_a, z_b, temperature), temperature, sigma)


def dcl_info_nce(
    queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float, sigma: float | None = None
) -> Tensor:
    return decoupled(*against_queue(queries, keys, negatives, temperature), temperature, sigma)


def hard_nt_xent(
    z_a: Tensor, z_b: Tensor, temperature: float, beta: float = 1.0, tau_plus: float = 0.1
) -> Tensor:
    return hard(*among_views(z_a, z_b, temperature), temperature, beta, tau_plus)


def hard_info_nce(
    queries: Tensor,
    keys: Tensor,
    negatives: Tensor,
    temperature: float,
    beta: float = 1.0,
    tau_plus: float = 0.1,
) -> Tensor:
    return hard(*against_queue(queries, keys, negatives, temperature), temperature, beta, tau_plus)


def sup_con(z_a: Tensor, z_b: Tensor, labels: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    itself = torch.eye(len(z), dtype=torch.bool)
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    image = torch.arange(len(labels)).repeat(2)
    labels = labels.repeat(2)
    same = (image[:, None] == image) | ((labels[:, None] == labels) & (labels >= 0))
    positives = same & ~itself
    mean = logits.masked_fill(~positives, 0).sum(1) / positives.sum(1)
    return (logits.logsumexp(1) - mean).mean()


def neighbour_nce(neighbours: Tensor, predictions: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(neighbours, dim=1) @ F.normalize(predictions, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(logits)))


def among_views(z_a: Tensor, z_b: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The logits of the positives [2N, 1] and of the negatives [2N, 2N - 2]."""
    n, z = len(z_a), F.normalize(torch.cat([z_a, z_b]), dim=1)
    logits = z @ z.T / temperature
    number = torch.arange(n).repeat(2)
    others = number[:, None] != number
    return logits.gather(1, torch.arange(2 * n).roll(n)[:, None]), logits[others].view(2 * n, 2 * n - 2)


def against_queue(
    queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    queries, keys, negatives = (F.normalize(x, dim=1) for x in (queries, keys, negatives))
    return (queries * keys).sum(1, keepdim=True) / temperature, queries @ negatives.T / temperature


def cross_entropy(positive: Tensor, negatives: Tensor) -> Tensor:
    logits = torch.cat([positive, negatives], dim=1)
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))


def decoupled(positive: Tensor, negatives: Tensor, temperature: float, sigma: float | None) -> Tensor:
    weight = torch.ones_like(positive)
    if sigma is not None:
        exp = (positive.detach() * temperature / sigma).exp()
        weight = 2 - exp / exp.mean()
    return (negatives.logsumexp(1, keepdim=True) - weight * positive).mean()


def hard(positive: Tensor, negatives: Tensor, temperature: float, beta: float, tau_plus: float) -> Tensor:
    n = negatives.shape[1]
    weights = (beta * negatives).exp()
    weighted = (weights / weights.mean(1, keepdim=True) * negatives.exp()).sum(1, keepdim=True)
    competing = (weighted - tau_plus * n * positive.exp()) / (1 - tau_plus)
    competing = competing.clamp(min=n * math.exp(-1 / temperature))
    return ((positive.exp() + competing).log() - positive).mean()
