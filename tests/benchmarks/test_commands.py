"""`make bench` and `make bench-gpu`, from their first word to their last file."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.benchmarks import __main__ as bench
from tests.benchmarks.gpu import __main__ as gpu
from tests.benchmarks.memory_by_epoch import EPOCHS, METHODS, SETTLED, by_epoch
from tests.small import config

ROOT = Path(__file__).parents[2]


def told(module: object, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The message with which a command ends before it measures anything."""
    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    with pytest.raises(SystemExit) as ended:
        module.main()  # type: ignore[attr-defined]
    assert isinstance(ended.value.code, str)
    assert "\n" not in ended.value.code
    return ended.value.code


def test_without_a_gpu_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = told(gpu, monkeypatch=monkeypatch)
    assert "GPU" in message
    assert "--toy" in message


def test_records_without_their_images_are_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    message = told(gpu, "--cifar", str(tmp_path), monkeypatch=monkeypatch)
    assert "CIFAR=DIR" in message
    assert str(tmp_path) in message


@pytest.mark.parametrize("module", [bench, gpu])
def test_a_part_that_does_not_exist_is_refused_with_those_that_do(
    module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert "accepted: " in told(module, "no_such_part", monkeypatch=monkeypatch)


def test_every_part_but_the_records_may_take_ten_minutes() -> None:
    limits = {part.name: part.limit for part in gpu.parts("full", Path("data"), Path("runs"))}
    records = [f"{record}-{seed}" for record in gpu.RECORDS for seed in (0, 1, 2)]
    assert [name for name, limit in limits.items() if limit != 600] == records


@pytest.mark.parametrize("record", gpu.RECORDS)
def test_a_record_trains_resnet_18_on_all_images_in_bf16_and_measures_its_last_epoch(record: str) -> None:
    run = config(f"experiment={record}")
    assert run["data"]["train"]["limit"] is None
    assert (run["encoder"]["backbone"]["depth"], run["encoder"]["backbone"]["stem"]) == (18, "cifar")
    assert (run["trainer"]["precision"], run["trainer"]["accelerator"]) == ("bf16-mixed", "gpu")
    assert run["trainer"]["max_epochs"] % run["trainer"]["check_val_every_n_epoch"] == 0
    assert (run["callbacks"]["knn"]["k"], run["callbacks"]["knn"]["temperature"]) == (200, 0.1)


def test_make_offers_both_with_an_environment_that_no_test_sees() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("bench", "bench-gpu"):
        rule = rf"^{target}: \.venv-bench/installed .*\n((?:\t.*\n)+)"
        (recipe,) = re.findall(rule, makefile, flags=re.MULTILINE)
        assert recipe.startswith("\t$(BENCH) -m tests.benchmarks")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_gpu_benchmark_runs_from_end_to_end_at_toy_size(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--toy", "--root", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (file,) = tmp_path.glob("bench-gpu/*/bench-gpu.json")
    found = json.loads(file.read_text())["parts"]
    assert list(found) == [part.name for part in gpu.parts("toy", Path(), tmp_path)] + ["over seeds"]
    for name, part in found.items():
        assert part["end"] == "done" or part["end"].startswith("left out: "), (name, part["end"])
        assert part["rows"] or name == "tests" or part["end"] != "done", name
    assert len(list(tmp_path.glob("record_*/summary.json"))) == 4
    means = [row["work"] for row in found["over seeds"]["rows"]]
    for record in gpu.RECORDS:
        for k in (10, 200):
            assert any(work.startswith(f"{record}: kNN, k = {k}, mean of 2 seeds") for work in means)


@pytest.mark.slow
def test_a_part_of_the_benchmark_runs_from_end_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "start", "--to", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (folder,) = tmp_path.iterdir()
    (row,) = json.loads((folder / "bench.json").read_text())["parts"]["start"]["rows"]
    assert min(row["ours"], row["peers"]["import lightning.pytorch"]) > 0
    assert (folder / "bench.png").is_file()
    assert row["work"] in ran.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads resident memory from /proc")
@pytest.mark.parametrize("method", METHODS)
def test_the_memory_of_50_epochs_is_flat(method: str) -> None:
    """A tensor of 0.25 MiB kept in each epoch would be noticed."""
    found = by_epoch(method)
    assert len(found) == EPOCHS
    assert found[-1] - found[SETTLED - 1] < 8
