"""The matrix of all similarities never exists."""

import sys

import pytest

from tests.benchmarks.loss_memory import CALLS, added_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")


def test_4096_images_add_less_than_120_mib_whatever_the_loss():
    assert added_memory(*(call for name, call in CALLS.items() if name != "whole matrix")) < 120


def test_the_measurement_would_notice_the_whole_matrix():
    assert added_memory(CALLS["whole matrix"]) > 250
