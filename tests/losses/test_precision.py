"""No precision setting reaches into the losses, and torch.compile takes them whole."""

import itertools
import math
import subprocess
import sys

import pytest
import torch

from cl_lightning.losses import (
    dcl_info_nce,
    info_nce,
    neighbour_nce,
    nt_xent,
    sup_con,
)
from cl_lightning.losses.streamed import anchors, blocks, mutual, negatives
from cl_lightning.metrics.sphere import normalise
from tests.losses.cases import both_losses, embeddings, every_loss


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_neither_loss_nor_gradient(loss, expected, dtype):
    a, b = embeddings(16, 8, torch.float32)
    a.requires_grad_()
    plain = loss(a, b, 0.05)
    (gradient,) = torch.autograd.grad(plain, a)
    with torch.autocast("cpu", dtype):
        assert (a @ b.T).dtype == dtype
        cast = loss(a, b, 0.05)
        (cast_gradient,) = torch.autograd.grad(cast, a)
    assert torch.equal(cast, plain)
    assert torch.equal(cast_gradient, gradient)


@pytest.fixture
def tf32():
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    yield
    torch.backends.cuda.matmul.fp32_precision = before


@pytest.fixture
def inside(monkeypatch):
    """The precision of matrix products that each operator saw."""
    seen = []

    def spy(anchors, candidates):
        seen.append(torch.backends.cuda.matmul.fp32_precision)
        return blocks.blocks_of(anchors, candidates)

    for core in (anchors, mutual, negatives):
        monkeypatch.setattr(core, "blocks_of", spy)
    return seen


@both_losses
def test_the_matrix_precision_is_full_inside_and_the_users_afterwards(loss, expected, tf32, inside):
    loss(*embeddings(4, 8, torch.float32), 0.1)
    assert inside == ["ieee"]
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"


def test_the_matrix_precision_is_full_where_other_ranks_anchors_are_scored(tf32, inside):
    own, others = embeddings(4, 8, torch.float32)
    negatives.gradient_as_negatives(own, others, torch.ones(4, 1), -1, 0.1, [1.0])
    assert inside == ["ieee"]
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"


COMPILED = """
import torch
from cl_lightning.losses import dcl, hard_info_nce, info_nce, neighbour_nce, nt_xent, sup_con

torch.set_num_threads(1)
a, b, negatives = torch.randn(6, 8, requires_grad=True), torch.randn(6, 8), torch.randn(5, 8)
labels = torch.tensor([0, 0, 1, 1, -1, -1])
cases = [(nt_xent, a, b), (info_nce, a, b, negatives), (sup_con, a, b, labels), (neighbour_nce, a, b)]
cases += [(lambda *x: dcl(*x, sigma=0.5), a, b), (hard_info_nce, a, b, negatives)]
for loss, *inputs in cases:
    result = torch.compile(loss, fullgraph=True, backend="aot_eager")(*inputs)
    plain = loss(*inputs)
    torch.testing.assert_close(result, plain)
    torch.testing.assert_close(torch.autograd.grad(result, a), torch.autograd.grad(plain, a))
"""


def test_compiling_changes_nothing_and_breaks_no_graph():
    # In a process of its own, because torch.compile refuses the shape checks that tests add.
    run = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_the_operators_keep_torchs_contract():
    anchors, others = embeddings(6, 8)
    operators, rule = torch.ops.cl_lightning, ("cross_entropy", [1.0], [])
    for needed, unit in itertools.product((True, False), repeat=2):
        arguments = (anchors, others, torch.cat([others, anchors]), unit, -1, None, 0.1, needed, *rule)
        torch.library.opcheck(operators.anchors_against, arguments)
    weight = torch.ones(6, 1).double()
    labels = torch.tensor([0, 1, 2]).repeat(4)
    for needed, of_class, weights in ((True, None, None), (False, None, weight), (True, labels, None)):
        arguments = (anchors, torch.cat([others, anchors]), of_class, weights, 6, 0.1, needed, *rule)
        torch.library.opcheck(operators.own_anchors, arguments)
    arguments = (anchors, others.repeat(2, 1), torch.ones(12, 1), 0, 0.1, [1.0])
    torch.library.opcheck(operators.gradient_as_negatives, arguments)


@pytest.mark.parametrize("dim", [3, 128, 512, 2048])
def test_equal_embeddings_keep_the_tolerance_at_the_lowest_temperature_in_float32(dim):
    """The closed forms ln(1 + K) and ln(2N - 1), whatever the numbers of rows do to matrix products."""
    for seed, (batch, length) in itertools.product(
        range(20), ((1, 1), (2, 3), (3, 17), (5, 333), (33, 4097))
    ):
        row = torch.randn(dim, generator=torch.Generator().manual_seed(seed))
        z, negatives = row.expand(batch, -1), row.expand(length, -1)
        unit = normalise(z)
        cases = [
            (info_nce(z, z, negatives, 0.005), length + 1),
            (nt_xent(z, z, 0.005), 2 * batch - 1),
            (sup_con(z, z, torch.arange(batch) // 2, 0.005), 2 * batch - 1),
            (neighbour_nce(z, z, 0.005), batch),
            (dcl_info_nce(z, z, negatives, 0.005), length),
            (info_nce(unit, unit, unit[:1].expand(length, -1), 0.005, unit_keys=True), length + 1),
        ]
        for loss, candidates in cases:
            expected = math.log(candidates)
            assert abs(loss.item() - expected) <= 1e-5 * 2 * max(1, expected)
