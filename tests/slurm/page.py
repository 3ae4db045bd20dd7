"""The commands that docs/clusters.md shows, for tests to run."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    ((?:sbatch|srun|squeue|scontrol|scancel) .*)$", PAGE, flags=re.MULTILINE)
TWO_NODES = "sbatch docs/train.sbatch experiment=moco_v2_imagenet data.root=IMAGENET"
ONE_NODE = "sbatch --nodes=1 docs/train.sbatch experiment=moco_v2_imagenet data.root=IMAGENET"
ARRAY = "sbatch --array=0-4%2 docs/array.sbatch experiment=simclr_cifar10 data.root=CIFAR"
AT_ONCE = "srun --gpus-per-node=1 cl-train trainer=slurm experiment=simclr_cifar10 data.root=CIFAR"
QUEUE = "squeue --me"
ABOUT = "scontrol show job JOB"
CANCEL = "scancel JOB"
INTERRUPT = "scancel --signal=USR1 JOB"
(LINES,) = re.findall(r"^```bash\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)  # of a script
TESTED = (TWO_NODES, ONE_NODE, ARRAY, AT_ONCE, QUEUE, ABOUT, CANCEL, INTERRUPT)


def small(command: str, options: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """The words of a command that trains, on other data: with these options of SLURM's, the last to win.

    `arguments` stand for the experiment and its data.
    """
    words = [word for word in shlex.split(command) if not word.startswith(("experiment=", "data.root="))]
    (place,) = [n for n, word in enumerate(words) if word == "cl-train" or word.startswith("docs/")]
    script = [str(ROOT / words[place]) if "/" in words[place] else words[place]]
    return [*words[:place], *options, *script, *words[place + 1 :], *arguments]


def of(command: str, job: str) -> list[str]:
    """The words of a command about a job."""
    return shlex.split(command.replace("JOB", job))
