"""What became of a job that SLURM has no more."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from cl_lightning.interruption import TIME_IS_OVER
from cl_lightning.sweeps.cluster import Cluster
from tests.small import CONF
from tests.sweeps.programs import job

SAVED = f"{TIME_IS_OVER} (8:00:00) after 34 steps: saved in runs/x/checkpoints/last.ckpt\n"
FAILED = "cl-train: data.batch_size is 1\nsrun: error: task 0: Exited with exit code 1\n"
CANCELLED = "slurmstepd: error: *** JOB 17 CANCELLED ***\n"


@pytest.mark.parametrize(
    ("log", "state"),
    [(f"{SAVED}srun: error: task 0: code 124\n", "interrupted"), (FAILED, "failed"), (CANCELLED, "failed")],
)
def test_a_job_whose_time_was_over_is_interrupted_and_any_other_has_failed(
    log: str, state: str, tmp_path: Path
) -> None:
    settings: Any = OmegaConf.to_container(OmegaConf.load(CONF / "hydra/launcher/slurm.yaml"))
    cluster, one = Cluster(tmp_path, settings), job()
    file = cluster._queue.log("17")
    file.parent.mkdir(parents=True)
    file.write_text(log)
    cluster._end(one, "17")
    assert one.state == state
