"""Where the system gives little, `cl-train` ends in time, with one line that names what to change."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import SCRIPT, environment
from tests.data.photos import write_photos

IN_TIME = 60  # seconds with the start of a command, which takes six on a core of its own
PHOTOS = [f"{part}/{kind}/{n}.png" for part in ("train", "val") for kind in "ab" for n in range(8)]
SMALL = (
    *("data=image_folder", "data.root=photos", "data.size=8", "data.batch_size=4", "trainer=cpu"),
    *("encoder=small_conv_net", "trainer.max_epochs=1", "schedule.warmup_epochs=0", "callbacks.knn.k=4"),
)


def ended(folder: Path, shell: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    """The ended process of `cl-train` behind what the shell does first."""
    write_photos(folder / "photos", *PHOTOS)
    return subprocess.run(
        ["bash", "-c", f'{shell} && exec "$@"', "bash", *SCRIPT, *SMALL, *overrides],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=IN_TIME,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("limit", [30, 40, 45])
def test_few_open_files(limit: int, tmp_path: Path) -> None:
    done = ended(tmp_path, f"ulimit -n {limit}", "data.num_workers=4")
    assert done.returncode == 1, done.stderr
    assert "ulimit -n" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    advised = ended(tmp_path, f"ulimit -n {limit}", "data.num_workers=0")
    assert advised.returncode == 0, advised.stderr


@pytest.mark.slow
def test_the_shared_memory_that_docker_gives_and_all_defaults_of_image_folder(tmp_path: Path) -> None:
    mount = "mount -t tmpfs -o size=64m tmpfs /dev/shm"
    if subprocess.run(["unshare", "-m", "bash", "-c", mount], capture_output=True, check=False).returncode:
        assert not (os.environ.get("CL_LIGHTNING_CI") and os.geteuid() == 0)
        pytest.skip("this user may not mount a small /dev/shm")
    names = [f"{part}/{kind}/{n}.png" for part in ("train", "val") for kind in "ab" for n in range(128)]
    write_photos(tmp_path / "photos", *names)
    command = [*SCRIPT, "data=image_folder", "data.root=photos", "encoder=small_conv_net", "trainer=cpu"]
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", f'{mount} && exec "$@"', "bash", *command],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=IN_TIME,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    for remedy in ("data.num_workers=0", "data.batch_size", "--shm-size"):
        assert remedy in line
    assert not (tmp_path / "runs").exists()
