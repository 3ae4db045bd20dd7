"""What docs/clusters.md says of hydra/launcher=slurm; tests/slurm runs it and the rest on a real SLURM."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from cl_lightning import train
from tests.small import CONF

PAGE = (Path(__file__).parents[2] / "docs" / "clusters.md").read_text(encoding="utf-8")
SWEEPS = re.findall(r"^    (cl-train -m .*)$", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize(("command", "jobs"), [*zip(SWEEPS, (6, 3), strict=True)])
def test_a_dry_run_shows_the_array_of_every_sweep_and_its_jobs_without_slurm_or_data(
    command: str,
    jobs: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(sys, "argv", [*shlex.split(command), "hydra.launcher.dry_run=true"])
    train.main()
    shown = capsys.readouterr().out
    for line in (f"--array=0-{jobs - 1}%{jobs}", "--requeue", "--signal=USR2@120", "--gpus-per-node=1"):
        assert f"#SBATCH {line}\n" in shown
    assert ("#SBATCH --partition=PARTITION\n" in shown) == ("PARTITION" in command)
    assert re.findall(r"^# task (\d+): ", shown, re.MULTILINE) == [str(n) for n in range(jobs)]
    assert list(tmp_path.iterdir()) == []


def test_every_setting_is_in_its_table() -> None:
    settings = yaml.safe_load((CONF / "hydra" / "launcher" / "slurm.yaml").read_text(encoding="utf-8"))
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (.*?) \|", PAGE, flags=re.MULTILINE)
    named = {name for names, _ in cells for name in re.findall(r"`(\w+)`", names)}
    assert named == set(settings) - {"_target_"}
