"""The command itself: killed and gone on with, in several processes, ended by a signal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.embedding.conftest import saved

pytestmark = pytest.mark.slow
IMAGES = 8000
WORDS = ("data=synthetic", "data.size=8", f"data.train.images={IMAGES}", "data.val=null")


def command(folder: Path, file: str, *more: str) -> list[str]:
    run = str(folder / "last.ckpt")
    words = ("data.batch_size=8", *(word for word in more if word.startswith("data.")))
    options = ("--to", file, "--accelerator", "cpu", *(word for word in more if word not in words))
    return [sys.executable, "-m", "cl_lightning.embed", run, *WORDS, *words, *options]


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, and whole.npz, made by one process."""
    made = tmp_path_factory.mktemp("processes")
    saved(made / "last.ckpt")
    subprocess.run(command(made, "whole.npz"), cwd=made, env=ENVIRONMENT, check=True)
    return made


@pytest.fixture
def half_done(folder: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """The command for rows.npz, when its first chunks are there."""
    (folder / "rows.npz").unlink(missing_ok=True)
    with subprocess.Popen(
        command(folder, "rows.npz"), cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as process:
        parts = folder / ".rows.npz.parts"
        while len(list(parts.glob("train-*.npz"))) < 2:
            assert process.poll() is None
            time.sleep(0.02)
        yield process
        process.kill()


def same(one: Path, other: Path) -> bool:
    with np.load(one) as a, np.load(other) as b:
        return all(np.array_equal(a[name], b[name]) for name in ("files", "labels", "vectors"))


def test_a_killed_command_leaves_no_file_and_goes_on_in_two_processes(
    folder: Path, half_done: subprocess.Popen[str]
) -> None:
    half_done.kill()
    half_done.wait()
    assert not (folder / "rows.npz").exists()
    ran = subprocess.run(
        command(folder, "rows.npz", "--devices", "2"),
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.count("rows.npz") == 1  # only the first process prints
    assert same(folder / "rows.npz", folder / "whole.npz")
    assert not (folder / ".rows.npz.parts").exists()


def test_a_signal_ends_it_with_a_line_that_says_how_to_go_on(
    folder: Path, half_done: subprocess.Popen[str]
) -> None:
    half_done.send_signal(signal.SIGTERM)
    _, told = half_done.communicate(timeout=60)
    assert half_done.returncode == 128 + signal.SIGTERM
    assert "cl-embed: SIGTERM: ended at once; the same command goes on" in told
    assert "Traceback" not in told
    assert not (folder / "rows.npz").exists()


def test_torchrun_starts_processes_of_which_one_has_no_chunk(folder: Path) -> None:
    few = "data.train.images=20"
    by_one = command(folder, "by_one.npz", few)
    subprocess.run(by_one, cwd=folder, env=ENVIRONMENT, check=True)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *command(folder, "by_torchrun.npz", few)[1:],
        ],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("by_torchrun.npz") == 1
    assert same(folder / "by_torchrun.npz", folder / "by_one.npz")
