"""The matrix of all similarities never exists."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")

MEBIBYTE = 2**20

PEAK = """
import re, torch
from pathlib import Path
torch.set_num_threads(1)
from cl_lightning.losses import nt_xent, info_nce

def step(n):
    a, b = torch.randn(2, n, 128).unbind()
    a.requires_grad_(), b.requires_grad_()
    CALL.backward()

def peak():
    # Not getrusage: its peak includes that of the process which started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

step(256)
before = peak()
step(4096)
print(peak() - before)
"""


def added_memory(call: str) -> int:
    program = PEAK.replace("CALL", call)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.mark.parametrize(
    "call", ["nt_xent(a, b, 0.1)", "info_nce(a, b, torch.randn(8192, 128), 0.2)"], ids=["nt_xent", "info_nce"]
)
def test_4096_images_add_less_than_120_mib(call):
    assert added_memory(call) < 120 * MEBIBYTE


def test_the_measurement_would_notice_the_whole_matrix():
    assert added_memory("(torch.cat([a, b]) @ torch.cat([a, b]).T).exp().sum()") > 250 * MEBIBYTE
