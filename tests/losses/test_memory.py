"""The matrix of all similarities never exists."""

import sys

import pytest

from tests.benchmarks.loss_memory import CALLS, added_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")


LOSSES = ("nt_xent", "info_nce", "hard_nt_xent", "sup_con", "neighbour_nce")


@pytest.mark.slow
def test_4096_images_add_less_than_120_mib_whatever_the_loss():
    assert added_memory(*(CALLS[loss] for loss in LOSSES)) < 120


def test_a_long_queue_adds_less_than_16_mib():
    assert added_memory(CALLS["long queue"], pairs=256) < 16


@pytest.mark.slow
def test_the_measurement_would_notice_the_whole_matrix():
    assert added_memory(CALLS["whole matrix"]) > 250
    assert added_memory(CALLS["long queue, all logits"], pairs=256) > 64
