"""The matrix of all similarities never exists."""

import sys

import pytest

from tests.benchmarks.loss_memory import CALLS, added_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")


@pytest.mark.parametrize("loss", ["nt_xent", "info_nce"])
def test_4096_images_add_less_than_120_mib(loss):
    assert added_memory(CALLS[loss]) < 120


def test_the_measurement_would_notice_the_whole_matrix():
    assert added_memory(CALLS["whole matrix"]) > 250
