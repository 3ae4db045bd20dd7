"""What MoCo tells its loss."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.callbacks import NegativeQueue
from cl_lightning.losses import info_nce
from tests import small


@pytest.fixture
def scored(monkeypatch):
    """Scores two queries by a loss, against a queue of unit keys."""

    def score(loss, unit_keys=True):
        queue = NegativeQueue(8)
        queue.keys = F.normalize(torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))
        monkeypatch.setattr(NegativeQueue, "unit_keys", unit_keys)
        method = small.moco()
        method.loss = loss
        monkeypatch.setattr(method, "attached", lambda kind: queue)
        return method.score(torch.eye(2, 4), torch.eye(2, 4)), queue.keys

    return score


def test_the_queue_declares_that_its_keys_have_unit_length(scored):
    told = []

    def loss(queries: Tensor, keys: Tensor, negatives: Tensor, unit_keys: bool = False) -> Tensor:
        told.append(unit_keys)
        return info_nce(queries, keys, negatives, unit_keys=unit_keys)

    value, negatives = scored(loss)
    torch.testing.assert_close(value, info_nce(torch.eye(2, 4), torch.eye(2, 4), negatives))
    scored(loss, unit_keys=False)
    assert told == [True, False]


def test_a_loss_of_three_arguments_is_called_with_three(scored):
    value, negatives = scored(lambda q, k, n: (q @ n.T).sum())
    assert value == (torch.eye(2, 4) @ negatives.T).sum()
