"""Wrong input is refused with what was given, what is accepted and the key to change."""

import inspect

import pytest
import torch

from cl_lightning.losses import info_nce, nt_xent
from tests.losses.cases import both_losses, embeddings

# Shapes are refused without jaxtyping too, which only tests have.
plain_nt_xent, plain_info_nce = inspect.unwrap(nt_xent), inspect.unwrap(info_nce)


@both_losses
@pytest.mark.parametrize("temperature", [0.0, -0.1, float("nan"), float("inf")])
def test_a_temperature_that_is_not_positive_is_refused(loss, expected, temperature):
    with pytest.raises(ValueError, match=rf"temperature is {temperature}.*above 0.*loss\.temperature"):
        loss(*embeddings(2, 3), temperature)


@pytest.mark.parametrize("shapes", [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((0, 4), (0, 4)), ((4,), (4,))])
def test_views_that_do_not_match_are_refused(shapes):
    views = [torch.ones(shape) for shape in shapes]
    with pytest.raises(ValueError, match=r"embeddings have the shapes .*\[batch, dim\].*data\.batch_size"):
        plain_nt_xent(*views)
    with pytest.raises(ValueError, match=r"queries and keys have .*\[batch, dim\].*data\.batch_size"):
        plain_info_nce(*views, torch.ones(2, 4))


@pytest.mark.parametrize("shape", [(0, 4), (2, 3), (4,)])
def test_negatives_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(.*\[length, 4\].*callbacks\.negative_queue\.length"):
        plain_info_nce(torch.ones(3, 4), torch.ones(3, 4), torch.ones(shape))
