"""Wrong input is refused with what was given, what is accepted and the key to change."""

import inspect

import pytest
import torch

from cl_lightning import losses
from cl_lightning.losses import (
    OF_NEIGHBOURS,
    OF_TWO_VIEWS,
    WITH_LABELS,
    WITH_NEGATIVES,
    dcl,
    dcl_info_nce,
    hard_info_nce,
    hard_nt_xent,
    sup_con,
)
from tests.losses.cases import embeddings, every_loss, queue

OF_PAIRS = (*OF_TWO_VIEWS, *OF_NEIGHBOURS)


def plain(loss):
    """Shapes are refused without jaxtyping too, which only tests have."""
    return inspect.unwrap(loss)


def test_every_loss_is_listed_once():
    listed = [f.__name__ for f in (*OF_PAIRS, *WITH_LABELS, *WITH_NEGATIVES)]
    lower = [name for name in losses.__all__ if name.islower() and name != "reach_of"]
    assert sorted(listed) == sorted(lower)


@every_loss
@pytest.mark.parametrize("temperature", [0.0, -0.1, float("nan"), float("inf")])
def test_a_temperature_that_is_not_positive_is_refused(loss, expected, temperature):
    with pytest.raises(ValueError, match=rf"temperature is {temperature}.*above 0.*loss\.temperature"):
        loss(*embeddings(2, 3), temperature)


@pytest.mark.parametrize("wrong", [0.0, -0.5, float("nan"), float("inf")])
def test_a_sigma_that_is_not_positive_is_refused(wrong):
    for loss, negatives in ((dcl, []), (dcl_info_nce, [queue(5, 3)])):
        with pytest.raises(ValueError, match=rf"sigma is {wrong}.*above 0.*loss\.sigma"):
            loss(*embeddings(2, 3), *negatives, sigma=wrong)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        *(("beta", x) for x in (-1.0, float("nan"), float("inf"))),
        *(("tau_plus", x) for x in (-0.1, 1.0, 2.0, float("nan"))),
    ],
)
def test_a_weight_of_hard_negatives_out_of_its_range_is_refused(key, wrong):
    for loss, negatives in ((hard_nt_xent, []), (hard_info_nce, [queue(5, 3)])):
        with pytest.raises(ValueError, match=rf"{key} is {wrong}; a .*number from 0.*loss\.{key}"):
            loss(*embeddings(2, 3), *negatives, **{key: wrong})


@pytest.mark.parametrize("loss", [dcl, hard_nt_xent])
def test_a_single_image_without_negatives_is_refused(loss):
    with pytest.raises(ValueError, match=r"accepted: at least two.*data\.batch_size"):
        loss(*embeddings(1, 3))


@pytest.mark.parametrize("shapes", [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((0, 4), (0, 4)), ((4,), (4,))])
def test_embeddings_that_do_not_match_are_refused(shapes):
    pair = [torch.ones(shape) for shape in shapes]
    calls = [
        *((loss, ()) for loss in OF_PAIRS),
        *((loss, (torch.ones(2, 4),)) for loss in WITH_NEGATIVES),
        *((loss, (torch.zeros(3, dtype=torch.int64),)) for loss in WITH_LABELS),
    ]
    for loss, more in calls:
        with pytest.raises(ValueError, match=r"accepted: .*data\.batch_size"):
            plain(loss)(*pair, *more)
    with pytest.raises(ValueError, match=r"pairs have the shapes .*\[batch, dim\].*data\.batch_size"):
        plain(dcl_info_nce)(*pair, torch.ones(2, 4), sigma=0.5)


@pytest.mark.parametrize("loss", WITH_NEGATIVES)
@pytest.mark.parametrize("shape", [(0, 4), (2, 3), (4,)])
def test_negatives_that_do_not_fit_are_refused(loss, shape):
    with pytest.raises(ValueError, match=r"shape \(.*\[length, 4\].*callbacks\.negative_queue\.length"):
        plain(loss)(torch.ones(3, 4), torch.ones(3, 4), torch.ones(shape))


@pytest.mark.parametrize("labels", [torch.zeros(2).long(), torch.zeros(3), torch.zeros(3, 1).long()])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match=r"labels are .*accepted: int64 \[3\].*data\.train"):
        plain(sup_con)(torch.ones(3, 4), torch.ones(3, 4), labels)
