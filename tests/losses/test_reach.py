"""The values that monitors are told of a loss are those of the loss."""

from functools import partial, wraps

import pytest
import torch
from torch.nn import functional as F

from cl_lightning.losses import (
    OF_NEIGHBOURS,
    OF_TWO_VIEWS,
    WITH_LABELS,
    WITH_NEGATIVES,
    dcl,
    hard_nt_xent,
    info_nce,
    nt_xent,
    reach_of,
)

ALL = (*OF_TWO_VIEWS, *WITH_LABELS, *WITH_NEGATIVES, *OF_NEIGHBOURS)
TELLING = [loss for loss in ALL if reach_of(loss, 8) is not None]  # others need not
IMAGES = 5


def negatives(loss) -> int:
    """Of each anchor, in `value`."""
    return 7 if loss in WITH_NEGATIVES else IMAGES - 1 if loss in OF_NEIGHBOURS else 2 * IMAGES - 2


def value(loss, embeddings, **arguments) -> float:
    """The loss where both views of an image have its embedding; the last one is the queue's."""
    if loss in WITH_NEGATIVES:
        more = [embeddings[-1:].repeat(7, 1)]
    else:
        more = [torch.full((IMAGES,), -1)] if loss in WITH_LABELS else []
    return loss(embeddings[:IMAGES], embeddings[:IMAGES], *more, **arguments).item()


@pytest.mark.parametrize("temperature", [0.005, 0.1, 1.0])
@pytest.mark.parametrize("loss", TELLING, ids=lambda loss: loss.__name__)
def test_chance_and_best_are_the_losses_of_equal_and_of_orthogonal_embeddings(loss, temperature):
    reach = reach_of(partial(loss, temperature=temperature), negatives(loss))
    equal, orthogonal = torch.ones(IMAGES + 1, 8).double(), torch.eye(IMAGES + 1, 8).double()
    assert value(loss, equal, temperature=temperature) == pytest.approx(reach.chance, rel=1e-12)
    best = value(loss, orthogonal, temperature=temperature)
    assert best == pytest.approx(reach.best, rel=1e-12)
    assert reach.best < reach.chance


def test_arguments_may_be_bound_in_every_way():
    equal, orthogonal = torch.ones(IMAGES + 1, 8).double(), torch.eye(IMAGES + 1, 8).double()
    bound = partial(hard_nt_xent, temperature=1.0, tau_plus=0.3)
    for loss in (partial(bound, temperature=0.7), partial(hard_nt_xent, temperature=0.7, tau_plus=0.3)):
        reach = reach_of(loss, 8)
        assert reach.best == pytest.approx(loss(orthogonal[:5], orthogonal[:5]).item(), rel=1e-12)
        assert reach.chance == pytest.approx(loss(equal[:5], equal[:5]).item(), rel=1e-12)
    assert reach_of(nt_xent, 8) == reach_of(partial(nt_xent, temperature=0.1), 8)
    assert reach_of(info_nce, 8) == reach_of(partial(info_nce, temperature=0.2), 8)
    assert reach_of(partial(dcl, sigma=0.5), 8) == reach_of(dcl, 8)


def test_nothing_is_known_of_other_losses():
    @wraps(nt_xent)
    def own(z_a, z_b, temperature):
        return F.mse_loss(z_a, z_b) / temperature

    for loss in (F.mse_loss, partial(own, temperature=0.1), own, torch.nn.MSELoss()):
        assert reach_of(loss, 8) is None


def test_all_losses_of_positives_against_negatives_tell_it():
    told = {loss.__name__ for loss in TELLING}
    pairs = {"nt_xent", "dcl", "hard_nt_xent", "sup_con", "neighbour_nce"}
    assert told >= pairs | {"info_nce", "dcl_info_nce", "hard_info_nce"}
