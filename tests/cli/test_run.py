import json
import re

import pytest
import torch

from tests.cli.command import RUN_FOLDER, SMALL, cl_train, files
from tests.cli.conftest import Ran

SUMMARY = (
    *("method", "dataset", "encoder", "epochs", "steps", "seed", "world_size", "precision"),
    *("global_batch_size", "loss", "knn_top1", "alignment", "uniformity", "effective_rank"),
    *("views_per_second", "seconds_per_epoch", "peak_memory_mib", "versions"),
)


def run_folder(ran: Ran) -> str:
    (name,) = [path.name for path in (ran.folder / "runs").iterdir() if path.is_dir()]
    return name


def test_a_run_writes_its_folder_and_nothing_else(single: Ran) -> None:
    assert single.process.returncode == 0, single.process.stderr
    assert re.fullmatch("simclr_synthetic-[0-9a-f]{8}", run_folder(single))
    assert files(single.folder) == {f"runs/{run_folder(single)}/{name}" for name in RUN_FOLDER}


def test_two_processes_share_one_folder_and_leave_nothing_else(two_processes: Ran) -> None:
    assert two_processes.process.returncode == 0, two_processes.process.stderr
    assert files(two_processes.folder) == {f"runs/{run_folder(two_processes)}/{name}" for name in RUN_FOLDER}


def test_two_processes_do_the_run_of_one(single: Ran, two_processes: Ran) -> None:
    assert run_folder(single) == run_folder(two_processes)
    one, two = (
        json.loads((ran.folder / "runs" / run_folder(ran) / "summary.json").read_text())
        for ran in (single, two_processes)
    )
    assert (one["world_size"], two["world_size"]) == (1, 2)
    for name in ("steps", "global_batch_size"):
        assert one[name] == two[name]
    for name in ("loss", "knn_top1", "alignment", "uniformity", "effective_rank"):
        assert two[name] == pytest.approx(one[name], rel=1e-4), name


def test_a_healthy_run_shows_only_its_progress_on_stderr(single: Ran, two_processes: Ran) -> None:
    for ran in (single, two_processes):
        lines = [line for line in re.split(r"[\r\n]+", ran.process.stderr) if line.strip()]
        assert lines, "no progress"
        assert [line for line in lines if not re.match(r"epoch \d+/\d+ ", line)] == []


def test_the_start_says_what_will_be_trained_and_where(single: Ran) -> None:
    out = single.process.stdout
    assert out.startswith(f"runs/{run_folder(single)}: simclr on synthetic\n")
    for name in ("effective batch", "learning rate", "steps", "left out", "negatives", "parameters"):
        assert name in out


def test_the_end_says_what_was_reached_and_what_to_look_at(single: Ran) -> None:
    folder = f"runs/{run_folder(single)}"
    summary = json.loads((single.folder / folder / "summary.json").read_text())
    last = single.process.stdout.splitlines()[-1]
    assert last.startswith(f"{folder}: kNN accuracy {summary['knn_top1']:.3f}; look at {folder}/report.html")
    assert last.endswith(f"try cl-eval {folder}")
    assert summary["health"] == []
    assert summary["broken_files"] == []


def test_the_summary_holds_what_scripts_ask_for(single: Ran) -> None:
    summary = json.loads((single.folder / "runs" / run_folder(single) / "summary.json").read_text())
    assert set(SUMMARY) <= set(summary)
    assert [name for name in SUMMARY if summary[name] is None] == []
    assert (summary["steps"], summary["epochs"], summary["world_size"]) == (16, 1, 1)


def test_the_checkpoint_is_read_as_weights_only(single: Ran) -> None:
    file = single.folder / "runs" / run_folder(single) / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(file, weights_only=True)
    assert checkpoint["global_step"] == 16
    assert any(name.startswith("encoder.") for name in checkpoint["state_dict"])


def test_the_same_command_again_says_that_it_is_finished(single: Ran) -> None:
    before = files(single.folder)
    again = cl_train(single.folder, *SMALL, "trainer=cpu", "data.num_workers=1")
    assert again.returncode == 0
    assert again.stdout.startswith(f"runs/{run_folder(single)} is finished: kNN accuracy ")
    assert again.stderr == ""
    assert files(single.folder) == before
