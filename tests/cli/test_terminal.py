import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import MODULE, SCRIPT, SMALL, cl_train, environment, files

# Runs main() with these arguments and fails where torch was imported.
WITHOUT_TORCH = [
    sys.executable,
    "-c",
    "import sys\n"
    "from cl_lightning.train import main\n"
    "try:\n"
    "    main()\n"
    "finally:\n"
    "    assert 'torch' not in sys.modules, 'torch was imported'\n",
]


def test_help_lists_every_choice_and_every_default(tmp_path: Path) -> None:
    ran = cl_train(tmp_path, "--help", command=WITHOUT_TORCH, cold=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    for line in (
        "method: moco_v2, nnclr, simclr",
        "trainer: auto, cpu, ddp, ddp_cpu, gpu, slurm",
        "temperature: 0.1",
    ):
        assert line in ran.stdout
    assert files(tmp_path) == set()


def test_cfg_job_shows_the_config_of_the_choices(tmp_path: Path) -> None:
    ran = cl_train(
        tmp_path, "--cfg", "job", "method=moco_v2", "loss.temperature=0.3", command=WITHOUT_TORCH, cold=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    for line in ("_target_: cl_lightning.MoCoV2", "temperature: 0.3", "length: 65536"):
        assert line in ran.stdout
    assert files(tmp_path) == set()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cl-train method=", {"method=simclr", "method=moco_v2", "method=nnclr"}),
        ("cl-train method=moco_v2 callbacks.negative_queue.len", {"callbacks.negative_queue.length="}),
        ("cl-train trainer.max_e", {"trainer.max_epochs="}),
    ],
)
def test_the_shell_completes_choices_and_keys(typed: str, offered: set[str], tmp_path: Path) -> None:
    ran = cl_train(tmp_path, "-sc", "query=bash", command=WITHOUT_TORCH, cold=True, COMP_LINE=typed)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert set(ran.stdout.split()) == offered


def test_the_completion_is_installed_by_what_the_command_prints(tmp_path: Path) -> None:
    ran = cl_train(tmp_path, "-sc", "install=bash", command=SCRIPT)
    assert ran.returncode == 0
    assert "complete -o nospace -o default -F hydra_bash_completion cl-train" in ran.stdout


def test_a_wrong_config_costs_no_import_of_torch(tmp_path: Path) -> None:
    for wrong in ("loss.temprature=1", "method=foo", "seed=x", "run.name=a/b"):
        ran = cl_train(tmp_path, wrong, command=WITHOUT_TORCH, cold=True)
        assert ran.returncode == 1
        assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert files(tmp_path) == set()


def test_a_full_traceback_is_there_for_who_asks(tmp_path: Path) -> None:
    ran = cl_train(tmp_path, "loss.temprature=1", cold=True, HYDRA_FULL_ERROR="1")
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr


@pytest.mark.parametrize("way", ["--config-dir", "hydra.searchpath"])
def test_a_user_brings_options_of_their_own(way: str, tmp_path: Path) -> None:
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "stripes.yaml").write_text(
        "defaults: [synthetic]\nname: stripes\ntrain: {images: 48}\n", encoding="utf-8"
    )
    words = ["--config-dir", "mine"] if way == "--config-dir" else ["hydra.searchpath=[file://mine]"]
    ran = cl_train(tmp_path, *words, "data=stripes", "--cfg", "job", "--package", "data")
    assert ran.returncode == 0, ran.stderr
    assert "name: stripes" in ran.stdout
    assert "images: 48" in ran.stdout


def test_an_interrupted_run_is_not_finished(tmp_path: Path) -> None:
    command = [*MODULE, *SMALL, "trainer=cpu", "trainer.max_epochs=100000", "logger=csv"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("runs/*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in err
    told = re.search(r"^SIGINT after ([\d,]+) steps: saved in (\S*), from which", err, re.MULTILINE)
    assert told, err
    assert int(told[1].replace(",", "")) >= 16
    assert told[2].endswith("checkpoints/last.ckpt")
    (folder,) = (tmp_path / "runs").iterdir()
    assert files(folder) == {"config.yaml", "images.json.gz", "metrics.csv", "checkpoints/last.ckpt"}


def test_help_may_be_cut_short(tmp_path: Path) -> None:
    shell = f"{' '.join(SCRIPT)} --help | head -n 1"
    ran = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("cl-train: contrastive learning")
    assert ran.stderr == ""


def test_a_folder_of_options_that_is_not_there_is_named(tmp_path: Path) -> None:
    ran = cl_train(tmp_path, "--config-dir", "mine", "--cfg", "job")
    assert ran.returncode == 1
    assert re.fullmatch(r"cl-train: .*/mine' not found; accepted: a folder that is there\n", ran.stderr)
