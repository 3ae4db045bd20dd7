"""A signal ends a command that has nothing to save, with one line and its code."""

import subprocess
import sys
from signal import SIGINT, SIGTERM

import pytest

WAITS = """
import time
from cl_lightning.interruption import as_command
with as_command("cl-test"):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_a_signal_ends_a_command_with_one_line(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        told = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    assert told == f"cl-test: {number.name}: ended at once\n"
