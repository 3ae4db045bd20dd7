"""What docs/reports.md shows of reports and maps."""

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cl_lightning import embed, evaluate, export, plots, report, train
from cl_lightning.plots.ways import WAYS
from cl_lightning.reports.one_run.pictures import PICTURES
from tests.small import SMALL

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (cl-[a-z]+) (.*)$", PAGE, flags=re.MULTILINE)
MAINS: dict[str, Callable[[list[str]], None]] = {
    "cl-report": report.main,
    "cl-eval": evaluate.main,
    "cl-embed": embed.main,
    "cl-export": export.main,
}


def test_every_picture_and_every_map_is_named() -> None:
    sections = " ".join(re.findall(r"^\| ([^|]*) \|", PAGE, flags=re.MULTILINE))
    for picture in PICTURES.values():
        assert picture.title in sections
    assert re.findall(r"^\| `([a-z]+)` \|", PAGE, flags=re.MULTILINE) == list(WAYS)
    for name in re.findall(r"\bplot_\w+", PAGE):
        assert callable(getattr(plots, name))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*neighbours are asked of a bank", "ignore:.*Experiment logs directory")
def test_every_command_of_the_page_and_of_a_report_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)
    monkeypatch.setattr(sys, "argv", ["cl-train", *SMALL, "data.train.images=64"])
    train.main()
    (run,) = Path("runs").iterdir()
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (20, 20)).save(photos / "a.png")
    for command, words in COMMANDS:
        (run / "report.html").unlink(missing_ok=True)
        MAINS[command](shlex.split(re.sub(r"runs/simclr_digits-\w+", str(run), words)))
        assert (run / "report.html").is_file()
        assert command != "cl-eval" or (run / "map-query.png").is_file()
    monkeypatch.chdir("runs")
    shown = (tmp_path / run / "report.html").read_text()
    commands = re.findall(r"^(cl-[a-z]+) ([^<\n]*)", shown, flags=re.MULTILINE)
    assert [command for command, _ in commands] == ["cl-eval", "cl-embed", "cl-export"]
    for command, words in commands:
        MAINS[command](shlex.split(words.replace("DIR", str(photos))))
    monkeypatch.chdir(tmp_path)
    assert (Path("runs/vectors.npz").is_file(), Path("runs/my_encoder").is_dir()) == (True, True)
    compared = Path("runs/report/report.html").read_text()
    assert f'href="../{run.name}/report.html"' in compared
