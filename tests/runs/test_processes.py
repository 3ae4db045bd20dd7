"""Where another process of a run fails, its first one ends in time, with the code of an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm import ROOT, run

SCRIPT = """
import os, sys, time
if os.environ.get("LOCAL_RANK", "0") != "0":
    time.sleep(0.2)
    sys.exit({code})
from lightning.pytorch.plugins.environments import LightningEnvironment
from cl_lightning.runs import processes

processes.PATIENCE = 1.0
{function}
processes.Launcher(LightningEnvironment(), 2, 1).launch(function)
time.sleep(2)
print("ended by itself")
"""
WAITS = "function = lambda: time.sleep(60)"
FAILS = "def function():\n    time.sleep(0.7)\n    sys.exit('its own words')"
RETURNS = "function = lambda: time.sleep(0.7)"


def ended(folder: Path, code: int, function: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(SCRIPT.format(code=code, function=function))
    alone = {name: value for name, value in os.environ.items() if name not in ("LOCAL_RANK", "WORLD_SIZE")}
    return run([sys.executable, str(script)], folder, alone | {"PYTHONPATH": str(ROOT)}, timeout=30)


@pytest.mark.parametrize(
    ("code", "function", "expected", "told"),
    [
        (3, WAITS, 1, "another process of this run ended early"),
        (3, FAILS, 1, "its own words"),
        (3, RETURNS, 0, ""),  # a process that has trained to its end is left alone
        (0, RETURNS, 0, ""),
    ],
)
def test_the_first_process_ends_by_itself_or_with_an_error(
    code: int, function: str, expected: int, told: str, tmp_path: Path
) -> None:
    done = ended(tmp_path, code, function)
    assert done.returncode == expected, done.stderr
    assert told in done.stderr
    assert ("another process" in done.stderr) is (function == WAITS)
    assert ("ended by itself" in done.stdout) is (expected == 0)
