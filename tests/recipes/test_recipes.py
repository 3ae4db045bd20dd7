"""The committed recipes reach what README says of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DATA = os.environ.get("CL_LIGHTNING_DATA")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_demonstration_learns_digits_that_pixels_do_not_tell_apart(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cl_lightning.demo"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    accuracies = {}
    for file in tmp_path.glob("runs/*/evaluation-query.json"):
        results = json.loads(file.read_text())["results"]
        accuracies[file.parent.name.rsplit("-", 1)[0]] = results["linear_10"]["accuracy"]
    assert set(accuracies) == {"simclr_scattered_digits", "moco_v2_scattered_digits"}
    assert min(accuracies.values()) >= 0.87
    written = json.loads((tmp_path / "runs" / "demo.json").read_text())
    assert {name: written["accuracy"][name]["linear_10"] for name in accuracies} == accuracies
    assert set(written) >= {"commit", "machine", "seed", "versions"}
    for row in ("raw pixels", "untrained encoder", "simclr_scattered_digits", "moco_v2_scattered_digits"):
        assert row in run.stdout
    for picture in ("pairs.png", "curves.png", "neighbours.png"):
        assert run.stdout.count(picture) == 2
        assert len(list(tmp_path.glob(f"runs/*/plots/{picture}"))) == 2


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.skipif(DATA is None, reason="CL_LIGHTNING_DATA names no folder of real images")
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(("method", "least"), [("simclr", 0.46), ("moco_v2", 0.45)])
def test_the_cifar10_recipe_for_two_cores_reaches_its_knn_accuracy(
    tmp_path: Path, method: str, least: float
) -> None:
    command = ["cl_lightning.train", f"experiment={method}_cifar10_cpu", f"data.root={DATA}/cifar10"]
    run = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (summary,) = tmp_path.glob("runs/*/summary.json")
    assert json.loads(summary.read_text())["knn_top1"] >= least
