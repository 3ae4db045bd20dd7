"""What both losses need of a row of logits: the log-sum-exp of its negatives, loss and derivative."""

import torch
from torch import Tensor
from torch.nn import functional as F


def log_sum_exp(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The log-sum-exp and the largest logit of each row, [rows, 1]; leaves exp(logits - largest) behind.

    A logit of -inf does not count; a row of nothing else has the log-sum-exp -inf.
    """
    # Finite also where nothing counts.
    largest = logits.amax(1, keepdim=True).clamp_min_(torch.finfo(logits.dtype).min)
    exp = logits.sub_(largest).exp_()
    return largest + exp.sum(1, keepdim=True).log_(), largest


def loss_of(positive: Tensor, negatives: Tensor) -> Tensor:
    """log(exp(positive) + exp(negatives)) - positive, for a logit and a log-sum-exp."""
    return -F.logsigmoid(positive - negatives)


def by_positive(positive: Tensor, negatives: Tensor) -> Tensor:
    """The derivative of that loss by the positive's logit: its probability - 1, without cancellation."""
    return -torch.sigmoid(negatives - positive)
