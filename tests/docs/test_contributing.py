"""CONTRIBUTING.md walks through a new loss and a new method: in a copy, what it says works as it stands."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACE = re.compile(r"^`((?:cl_lightning|conf)/[\w/.]+)`.*?\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALL = (
    *("data=digits", "encoder=small_conv_net", "views=digits", "trainer=cpu", "trainer.max_steps=3"),
    *("data.batch_size=64", "trainer.limit_val_batches=0", "logger=csv", "run.name=walk"),
)


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def places(title: str) -> list[tuple[str, str, str]]:
    """File, language and text of each block that a section says to write."""
    return PLACE.findall(section(title))


def patched(text: str, difference: str) -> str:
    """`text` with a block's lines of + and -: what is added follows the line above, or precedes the first."""
    lines, at, leading = text.splitlines(), -1, []
    for sign, line in ((entry[:1], entry[1:]) for entry in difference.splitlines()):
        if sign != "+":
            found = lines.index(line, at + 1)
            at = found - 1 if sign == "-" else found
            if sign == "-":
                del lines[found]
            lines[found:found] = leading
            at, leading = at + len(leading), []
        elif at < 0:
            leading.append(line)
        else:
            at += 1
            lines.insert(at, line)
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with both walks taken."""
    root = tmp_path_factory.mktemp("copy")
    for folder in ("cl_lightning", "conf", "docs", "hydra_plugins"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for title in ("A new loss", "A new method"):
        for name, language, text in places(title):
            file = root / name
            if language == "diff":
                file.write_text(patched(file.read_text(encoding="utf-8"), text), encoding="utf-8")
            else:
                assert not file.exists()
                file.write_text(text, encoding="utf-8")
    return root


# One process for all that the walks promise: it takes longer to start than to do this.
PROMISED = """
import json, sys
from pathlib import Path

from cl_lightning import BYOL
from cl_lightning.runs import pictures
from cl_lightning.runs.assemble import assemble_method
from cl_lightning.train import main
from docs.methods_tables import written
from tests.small import config

pictures.write_pictures = lambda folder, trainer: []
main()
(run,) = Path("runs").glob("walk-*")
method = BYOL.load_from_checkpoint(run)
other = assemble_method(config("loss=cosine_distance", "encoder=small_conv_net"))
found = {"features": method.predictor_features, "loss": method.loss.func.__name__}
tables = written("<!-- options: loss=... -->\\n<!-- keys of method: method=... -->\\n")
print(json.dumps(found | {"example": other.example_loss().item(), "tables": tables}))
"""


@pytest.fixture(scope="module")
def told(copy: Path) -> list[str]:
    """What the new method's training says, and last what was found then."""
    (copy / "tests").symlink_to(ROOT / "tests")
    environment = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROMISED, "method=byol", *SMALL]
    ended = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def test_a_loss_takes_three_places_and_a_method_at_most_four() -> None:
    assert len({name for name, _, _ in places("A new loss")}) == 3
    assert 3 <= len({name for name, _, _ in places("A new method")}) <= 4


def test_the_new_method_trains_with_the_new_loss_and_is_described_in_its_checkpoint(told: list[str]) -> None:
    assert any("EMA half-life" in line for line in told)
    found = json.loads(told[-1])
    assert (found["features"], found["loss"]) == (4096, "cosine_distance")


def test_a_method_of_ours_takes_the_new_loss(told: list[str]) -> None:
    assert json.loads(told[-1])["example"] == pytest.approx(0, abs=1e-6)


def test_both_have_their_lines_in_the_tables_of_methods(told: list[str]) -> None:
    tables = json.loads(told[-1])["tables"]
    assert "| `loss=cosine_distance` |" in tables
    (row,) = [line for line in tables.splitlines() if line.startswith("| `method.predictor_features` |")]
    assert "| 4096 | –" in row
