"""What a command says is never a reason to end, nor written into a file of its."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import SCRIPT, SMALL, environment

# Says something, then opens a file, says more and starts another process.
COMMAND = """
import subprocess, sys
from cl_lightning.interruption import as_command
with as_command("cl-test"):
    print("first" * 10_000, flush=True)
    with open("file", "w") as file:
        print("told", flush=True)
        print("warned", file=sys.stderr, flush=True)
        print(sys.stdin.read(), end="")
        subprocess.run(["echo", "other"], check=False)
        file.write("kept")
"""


def ran(folder: Path, redirection: str, *command: str) -> subprocess.CompletedProcess[str]:
    shell = f'"$@" {redirection}'
    words = ["bash", "-c", shell, "bash", *(command or (sys.executable, "-c", COMMAND))]
    return subprocess.run(
        words, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_an_empty_one(redirection: str, tmp_path: Path) -> None:
    done = ran(tmp_path, redirection)
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == "kept"
    assert done.stdout == ("" if ">&-" in redirection.split("2")[0] else "first" * 10_000 + "\ntold\nother\n")
    assert done.stderr == ("" if "2>&-" in redirection else "warned\n")


@pytest.mark.parametrize(("redirection", "code"), [("| head -c 5", 0), ("2>/dev/full", 0), (">/dev/full", 1)])
def test_what_cannot_be_written_ends_nothing_and_a_full_disk_is_told(
    redirection: str, code: int, tmp_path: Path
) -> None:
    done = ran(tmp_path, f"{redirection}; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == code, done.stderr
    assert (tmp_path / "file").read_text() == "kept"
    assert ("No space left on device" in done.stderr) is (redirection == ">/dev/full")
    assert "Traceback" not in done.stderr


def test_cl_train_trains_without_any_stream(tmp_path: Path) -> None:
    done = ran(tmp_path, "<&- >&- 2>&-", *SCRIPT, *SMALL, "trainer=cpu")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(list(tmp_path.glob("runs/*/summary.json"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&-", "2>&-", "| head -n 1", ">/dev/full", "2>/dev/full"])
def test_cl_train_trains_whatever_becomes_of_a_stream(redirection: str, tmp_path: Path) -> None:
    done = ran(tmp_path, f"{redirection}; exit ${{PIPESTATUS[0]}}", *SCRIPT, *SMALL, "trainer=ddp_cpu")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("runs/*/summary.json"))) == 1
