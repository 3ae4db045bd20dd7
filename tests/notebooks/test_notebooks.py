"""The notebooks run, and show what they say."""

import gc
import re
import resource
import warnings
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

# Two epochs of the sixty, evaluated at their end, in Python and by config.
SHORTER = {
    "max_epochs=60": "max_epochs=2",
    "check_val_every_n_epoch=10": "check_val_every_n_epoch=2",
    "warmup_epochs=5": "warmup_epochs=1",
    '"trainer=cpu"': '"trainer=cpu", "trainer.check_val_every_n_epoch=2", "schedule.warmup_epochs=1"',
}
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def text_of(notebook: Any) -> str:
    """All that its cells wrote, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def pictures_of(notebook: Any) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def execute(notebook: Any, folder: Path) -> None:
    """Run all cells in a kernel whose working folder is `folder`; it speaks through files, not ports."""
    with TemporaryDirectory() as sockets:
        local = Config({"AsyncKernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        place = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, config=local, timeout=600, resources=place).execute()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # jupyter_client leaves a socket to the collector
        gc.collect()


def numbers(text: str) -> dict[str, float]:
    """What the first run reached, by name."""
    knn, again = re.search(r"kNN accuracy (\d\.\d+) here, (\d\.\d+) above", text).groups()  # type: ignore[union-attr]
    pixels, features = re.findall(r"(\d\.\d+) with ten labels a class", text)
    named = {"knn": knn, "by config": again, "pixels": pixels, "features": features}
    return {name: float(value) for name, value in named.items()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_with_its_outputs_and_without_the_machine(path: Path) -> None:
    notebook = read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert path.stat().st_size < 1_000_000
    assert not re.search(r"/(home|root|work|tmp|Users)/|Warning|Error", text_of(notebook))


def seconds_of_children() -> float:
    """CPU time of processes that have ended, whatever else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def named(stem: str) -> Any:
    (path,) = [path for path in NOTEBOOKS if path.stem == stem]
    return read(path)


@pytest.fixture
def committed() -> Any:
    return named("01_first_run")


def test_every_cell_of_the_first_run_does_its_part(committed: Any, tmp_path: Path) -> None:
    notebook = deepcopy(committed)
    for cell in notebook.cells:
        for said, shorter in SHORTER.items():
            cell.source = cell.source.replace(said, shorter)
    execute(notebook, tmp_path)
    found = numbers(text_of(notebook))
    assert found["knn"] == found["by config"]
    assert found["features"] > found["pixels"] + 0.1
    assert pictures_of(notebook) == pictures_of(committed) == 4


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_first_run_does_what_its_page_says(committed: Any, tmp_path: Path) -> None:
    notebook = deepcopy(committed)
    before = seconds_of_children()
    execute(notebook, tmp_path)
    assert seconds_of_children() - before < 420  # of two cores two to three minutes on a slow machine
    found, shown = numbers(text_of(notebook)), numbers(text_of(committed))
    assert found["knn"] == found["by config"]
    assert found["knn"] > 0.75
    assert found["features"] > found["pixels"] + 0.5
    assert re.search(r"^\[\]$", text_of(notebook), re.MULTILINE), "the health monitor had something to say"
    for name, value in shown.items():  # other machines round otherwise
        assert found[name] == pytest.approx(value, abs=0.06), name


def worth(text: str) -> dict[str, dict[str, float]]:
    """The accuracies of each encoder in the printed tables, by its name and their column."""
    found: dict[str, dict[str, float]] = {}
    lines = text.splitlines()
    for place, rule in enumerate(lines):
        if not re.fullmatch(r"-{40,}", rule):
            continue
        titles = re.split(r"  +", lines[place - 1].strip())
        for row in lines[place + 1 :]:
            name, *cells = re.split(r"  +", row.strip())
            if len(cells) != len(titles):
                break
            values = dict(zip(titles, [float(cell.split()[0]) for cell in cells], strict=True))
            found.setdefault(re.sub(r"-[0-9a-f]{8}", "", name), {}).update(values)
    return found


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_encoder_is_used_as_the_second_page_says(tmp_path: Path) -> None:
    committed = named("02_use_your_encoder")
    notebook = deepcopy(committed)
    before = seconds_of_children()
    execute(notebook, tmp_path)
    assert seconds_of_children() - before < 360  # of two cores, less than three minutes
    text, shown = text_of(notebook), text_of(committed)
    of_predict, of_export = map(float, re.findall(r"largest difference: (\S+)", text))
    assert of_predict < 1e-5
    assert of_export < 1e-5
    assert pictures_of(notebook) == pictures_of(committed) == 2
    found, expected = worth(text), worth(shown)
    assert found.keys() == expected.keys()
    encoder = found["simclr_scattered_digits (query)"]
    for baseline in ("raw pixels", "untrained encoder"):
        assert encoder["kNN"] > found[baseline]["kNN"] + 0.1
        assert encoder["mAP"] > found[baseline]["mAP"] + 0.1
    for name, values in expected.items():  # other machines round otherwise, which a short training amplifies
        for column, value in values.items():
            bound = 0.15 if column.startswith("fine-tuned") else 0.08
            assert found[name][column] == pytest.approx(value, abs=bound), (name, column)
