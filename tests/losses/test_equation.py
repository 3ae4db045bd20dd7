"""The losses are the papers' equations."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from cl_lightning import losses
from cl_lightning.losses import (
    dcl,
    hard_info_nce,
    hard_nt_xent,
    info_nce,
    nt_xent,
    sup_con,
)
from cl_lightning.losses.streamed import blocks
from tests.losses.cases import (
    AMONG_OTHER_IMAGES,
    DTYPES,
    LOSSES,
    TEMPERATURES,
    embeddings,
    every_loss,
    queue,
)

pytestmark = pytest.mark.usefixtures("small_blocks")


@pytest.fixture(params=[False, True], ids=["one block", "many blocks and pieces"])
def small_blocks(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 1)
        monkeypatch.setattr(blocks, "MIN_ROWS", 3)
        monkeypatch.setattr(blocks, "PIECE_ROWS", 64)


@every_loss
@pytest.mark.parametrize("n", [2, 7, 16])
def test_float64_equals_nested_loops(loss, expected, n):
    a, b = embeddings(n, 8)
    for temperature in TEMPERATURES:
        wanted = expected(a, b, temperature)
        assert abs(loss(a, b, temperature).item() - wanted) <= 1e-12 * max(1, abs(wanted))


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in AMONG_OTHER_IMAGES])
def test_a_single_image_may_be_scored(name):
    a, b = embeddings(1, 8)
    loss, expected, _ = LOSSES[name]
    assert loss(a, b, 0.2).item() == pytest.approx(expected(a, b, 0.2), rel=1e-12)


@every_loss
@pytest.mark.parametrize("dim", [3, 128])
def test_float32_equals_nested_loops_in_float64(loss, expected, dim):
    for seed, temperature in itertools.product(range(3), TEMPERATURES):
        a, b = embeddings(9, dim, torch.float32, seed)
        wanted = expected(a.double(), b.double(), temperature)
        tolerance = 1e-5 * max(1, 0.01 / temperature) * max(1, abs(wanted))
        assert abs(loss(a, b, temperature).item() - wanted) <= tolerance


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_input_is_scored_in_float32(loss, expected, dtype):
    a, b = embeddings(9, 8, dtype)
    result = loss(a, b, 0.1)
    wanted = expected(a.double(), b.double(), 0.1)
    assert result.dtype == torch.float32
    assert abs(result.item() - wanted) <= 1e-5 * max(1, abs(wanted))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 9])
def test_equal_embeddings_cost_the_logarithm_of_the_candidates(dtype, n):
    same = torch.full((n, 4), 0.5, dtype=dtype)
    assert nt_xent(same, same, 0.1).item() == pytest.approx(math.log(2 * n - 1), abs=1e-5)
    assert info_nce(same, same, same[:1].repeat(13, 1), 0.1).item() == pytest.approx(math.log(14), abs=1e-5)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_orthonormal_pairs_have_the_closed_form(temperature):
    n = 6
    identity = torch.eye(n, dtype=torch.float64)
    expected = math.log1p((2 * n - 2) * math.exp(-1 / temperature))
    assert nt_xent(identity, 3 * identity, temperature).item() == pytest.approx(expected, rel=1e-12)
    orthogonal = identity[-1].repeat(2 * n - 2, 1)
    loss = info_nce(identity[:-1], identity[:-1], orthogonal, temperature)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_a_single_pair_has_no_negatives_and_costs_nothing():
    a, b = (z.requires_grad_() for z in embeddings(1, 5))
    loss = nt_xent(a, b, 0.1)
    loss.backward()
    assert loss.item() == 0
    assert a.grad is not None
    assert not a.grad.any()


def test_the_defaults_are_those_of_simclr_and_of_moco_v2():
    a, b = embeddings(5, 8)
    assert torch.equal(nt_xent(a, b), nt_xent(a, b, 0.1))
    assert torch.equal(info_nce(a, b, queue(3, 8)), info_nce(a, b, queue(3, 8), 0.2))


def test_labels_that_all_differ_or_are_missing_leave_nt_xent():
    a, b = embeddings(5, 8)
    for labels in (torch.arange(5), torch.full((5,), -1)):
        assert sup_con(a, b, labels, 0.2).item() == pytest.approx(nt_xent(a, b, 0.2).item(), rel=1e-12)


def test_hard_negatives_that_weigh_the_same_and_are_all_true_leave_cross_entropy():
    a, b = embeddings(5, 8)
    even = {"beta": 0.0, "tau_plus": 0.0}
    assert hard_nt_xent(a, b, 0.2, **even).item() == pytest.approx(nt_xent(a, b, 0.2).item(), rel=1e-12)
    hard, plain = hard_info_nce(a, b, queue(11, 8), 0.2, **even), info_nce(a, b, queue(11, 8), 0.2)
    assert hard.item() == pytest.approx(plain.item(), rel=1e-12)


def test_pairs_that_differ_weigh_more_and_equal_ones_alike():
    a, b = embeddings(5, 8)
    equal = a.roll(1, 0)
    assert dcl(a, equal, 0.1, sigma=1e9).item() == pytest.approx(dcl(a, equal, 0.1).item(), rel=1e-6)
    b[0] = -a[0]
    assert dcl(a, b, 0.1, sigma=0.5) > dcl(a, b, 0.1)


def test_other_keys_of_the_batch_are_no_negatives():
    queries, keys = embeddings(6, 8)
    together = info_nce(queries, keys, queue(11, 8))
    alone = [info_nce(q[None], k[None], queue(11, 8)) for q, k in zip(queries, keys, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone).mean())


def test_scores_are_cosines_and_their_order_does_not_matter():
    a, b = embeddings(7, 8)
    negatives = queue(11, 8)
    turn = torch.linalg.qr(queue(8, 8)).Q
    order, other = torch.randperm(7), torch.randperm(11)
    scale = torch.linspace(0.01, 100, 7, dtype=torch.float64)[:, None]
    simclr, moco = nt_xent(a, b), info_nce(a, b, negatives)
    for same in (nt_xent(b, a), nt_xent(a[order], b[order]), nt_xent(a * scale, b / scale)):
        torch.testing.assert_close(same, simclr, rtol=1e-12, atol=0)
    torch.testing.assert_close(nt_xent(a @ turn, b @ turn), simclr, rtol=1e-12, atol=0)
    for same in (
        info_nce(a[order], b[order], negatives[other]),
        info_nce(a * scale, b / scale, negatives * 5),
        info_nce(a @ turn, b @ turn, negatives @ turn),
    ):
        torch.testing.assert_close(same, moco, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["info_nce", "dcl_info_nce", "hard_info_nce"])
def test_keys_declared_to_have_unit_length_have_the_same_loss_and_gradients(name):
    loss = getattr(losses, name)
    inputs = [F.normalize(x, dim=1).requires_grad_() for x in (*embeddings(7, 8), queue(150, 8))]
    for temperature in TEMPERATURES:
        plain, declared = (loss(*inputs, temperature, unit_keys=unit) for unit in (False, True))
        torch.testing.assert_close(declared, plain, rtol=1e-12, atol=0)
        expected, actual = (torch.autograd.grad(x, inputs) for x in (plain, declared))
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("temperature", [1 / 59, 1 / 61])
def test_candidates_of_the_least_similarity_still_count_where_exponents_are_largest(temperature):
    a = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    lengths = torch.linspace(0.5, 2, 300)[:, None]
    for a_row in a[:, None]:
        far, loss = (
            info_nce(a_row, -a_row, -a_row * lengths, temperature),
            nt_xent(a_row, -a_row, temperature),
        )
        assert far.item() == pytest.approx(math.log(301), rel=1e-5)
        assert loss.item() == 0
        near = info_nce(a_row, -a_row, a_row * lengths, temperature)
        assert near.item() == pytest.approx(2 / temperature + math.log(300), rel=1e-5)


def test_the_pairs_matter():
    a, b = embeddings(7, 8)
    assert nt_xent(a, b.roll(1, 0)) > nt_xent(a, b) + 0.1
    assert F.cosine_similarity(a, b).mean() > 0.8
