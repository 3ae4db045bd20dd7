"""One process at a time in a run folder."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder

# Holds the folder's lock until its input ends, and with a second argument a forked process that outlives it.
HOLDER = """
import os, sys, time
from cl_lightning.runs.folder import RunFolder
with RunFolder(sys.argv[1]).locked():
    child = os.fork() if sys.argv[2:] else 1
    if child == 0:
        os.close(1)
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    sys.stdin.read()
"""
# Enters and leaves the lock as often as it can, and counts those that are inside with it.
CROWD = """
import os, sys, time
from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.folder import RunFolder
folder, entered = RunFolder(sys.argv[1]), 0
end = time.monotonic() + 2
while time.monotonic() < end:
    try:
        with folder.locked():
            mark = os.open(sys.argv[2], os.O_CREAT | os.O_EXCL)  # fails where another one is inside
            entered += 1
            os.unlink(sys.argv[2])
            os.close(mark)
    except ConfigError as error:
        assert "is being trained by" in str(error), error
print(entered)
"""


def started(program: str, *arguments: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def holder(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that has the lock, and the number of its child."""
    process = started(HOLDER, folder, *more)
    try:
        assert process.stdout
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def refused(folder: RunFolder) -> str:
    with pytest.raises(ConfigError) as caught, folder.locked():
        pass
    return str(caught.value)


def test_the_second_process_is_told_which_one_trains(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "simclr-1a2b3c4d")
    with holder(folder.path) as (process, _):
        assert refused(folder) == (
            f"{folder.path} is being trained by process {process.pid} on {socket.gethostname()}; accepted: "
            "wait for it or stop it, or another config"
        )
        assert refused(folder).count(str(process.pid)) == 1  # being refused takes nothing from the holder
        assert os.listdir(folder.path) == [".lock"]


def test_a_killed_holder_frees_the_lock_even_where_a_process_forked_from_it_lives(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with holder(folder.path, "forks") as (process, child):
        try:
            assert "is being trained" in refused(folder)
            process.send_signal(signal.SIGKILL)
            process.wait()
            os.kill(child, 0)  # it is there
            with folder.locked():
                assert (folder.path / ".lock").read_text().startswith(f"process {os.getpid()} on ")
        finally:
            os.kill(child, signal.SIGKILL)


def test_an_end_leaves_no_lock_and_no_empty_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "empty")
    with folder.locked():
        assert folder.path.is_dir()
    assert not folder.path.exists()
    with folder.locked():
        (folder.path / "kept").touch()
    assert os.listdir(folder.path) == ["kept"]


def test_of_many_processes_that_come_and_go_only_one_is_inside(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    crowd = [started(CROWD, tmp_path / "run", tmp_path / "inside") for _ in range(4)]
    entered = [int(process.communicate(timeout=60)[0] or -1) for process in crowd]
    assert min(entered) > 10
    assert os.listdir(tmp_path / "run") == ["config.yaml"]


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    told = "run.root is {}, but {} can't be written to: {}; accepted: a folder to write into"
    run = tmp_path / "file" / "run"
    assert refused(RunFolder(run)) == told.format(run.parent, run, "Not a directory")

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "open", full)
    run = tmp_path / "run"
    assert refused(RunFolder(run)) == told.format(tmp_path, run, "No space left on device")
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_system_without_locks_is_warned_of_and_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", no_locks)
    (tmp_path / "kept").touch()
    told = pytest.warns(UserWarning, match=r"\.lock can't be locked \(No locks available\): a second process")
    with told, RunFolder(tmp_path).locked():
        assert set(os.listdir(tmp_path)) == {"kept", ".lock"}
    assert os.listdir(tmp_path) == ["kept"]


def test_an_error_inside_is_not_taken_for_one_of_the_lock(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), RunFolder(tmp_path / "run").locked():
        (tmp_path / "nowhere").stat()
