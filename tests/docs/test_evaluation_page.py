"""What docs/evaluation.md shows works: each command measures tiny runs, photos and CIFAR."""

import re
import shlex
from pathlib import Path

import pytest

from cl_lightning.evaluate import main
from cl_lightning.runs import RunFolder
from cl_lightning.runs.contents import with_contents
from cl_lightning.runs.evaluating.protocols import PROTOCOLS
from cl_lightning.train import train
from tests import small
from tests.data.photos import write_photos
from tests.docs.readme_world import make_cifar10

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (cl-eval .*)$", PAGE, flags=re.MULTILINE)
QUIET = (
    "callbacks.progress=null",
    "callbacks.start_report=null",
    "callbacks.health=null",
    "data.train.images=64",
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Experiment logs directory")
def test_every_command_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = []
    for seed in (0, 1):
        config = small.config(*small.SMALL, *small.SMALL_MOCO, *QUIET, f"seed={seed}")
        train(with_contents(config))
        folders.append(str(RunFolder.of(config).path))
    classes = [f"{split}/{kind}" for split in ("train", "val") for kind in ("cat", "dog")]
    write_photos(tmp_path / "PHOTOS", *[f"{place}/{n}.png" for place in classes for n in range(12)])
    make_cifar10(tmp_path / "DIR", monkeypatch)
    assert len(COMMANDS) == len(set(COMMANDS)) == 10
    for command in COMMANDS:
        few = ("--labels", "1") if "--protocol" not in command else ()  # CIFAR has two images of a class here
        command = command.replace("--epochs 30", "--epochs 1")
        command = re.sub(r"\bOTHER_RUN\b", folders[1], re.sub(r"\bRUN\b", folders[0], command))
        command = command.replace("--devices 2", "--devices 1")  # tests/evaluation/test_processes.py
        main([*shlex.split(command)[1:], *few])
    assert {path.name for path in Path(folders[0]).glob("evaluation-*.json")} == {
        *(f"evaluation-{source}.json" for source in ("key", "pixels", "query", "untrained")),
        *(f"evaluation-query-on-{name}.json" for name in ("PHOTOS", "cifar10")),
    }
    assert list((tmp_path / "results").rglob("evaluation-query.json"))


def test_every_protocol_is_described() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE, flags=re.MULTILINE)
    assert set(PROTOCOLS) <= set(rows)
