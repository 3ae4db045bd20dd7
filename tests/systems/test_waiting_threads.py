"""Threads that wait for others leave their core to them, unless the user has chosen how they wait."""

import os
import subprocess
import sys

import pytest

SHOWN = "import os, cl_lightning; print(os.environ.get('GOMP_SPINCOUNT'), os.environ.get('OMP_WAIT_POLICY'))"
KEYS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, "1000 None"),
        ({"GOMP_SPINCOUNT": "500"}, "500 None"),
        ({"OMP_WAIT_POLICY": "active"}, "None active"),
    ],
    ids=["nothing", "a number", "a policy"],
)
def test_threads_soon_sleep_unless_the_user_has_chosen(chosen: dict[str, str], told: str) -> None:
    others = {name: value for name, value in os.environ.items() if name not in KEYS}
    ran = subprocess.run(
        [sys.executable, "-c", SHOWN], env=others | chosen, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == told


def test_torch_is_not_imported_before_it_is_set() -> None:
    code = "import sys, cl_lightning; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
