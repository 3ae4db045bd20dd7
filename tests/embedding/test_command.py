"""What cl-embed prints: the rows it wrote, its progress, and one line about what is wrong."""

import io
import re
import sys
from pathlib import Path

import pytest

from cl_lightning import embed
from cl_lightning.checkpoints import LAYERS
from cl_lightning.embedding import progress
from tests.embedding.asked import embedded
from tests.embedding.conftest import NAMES

HERE = ("data.num_workers=0", "--accelerator", "cpu")


def test_it_tells_what_it_wrote_and_found(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = str(photos / NAMES[0])
    embed.main([str(run), str(photos), *HERE, "--to", str(tmp_path / "rows.npz"), "--neighbours", asked])
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{tmp_path / 'rows.npz'}: 16 rows of 16 values (backbone of the query encoder)"
    assert told[1] == f"nearest to {asked}, by cosine:"
    assert all(re.fullmatch(r"  \S+  (train|val)/\S+\.png  [ab]", line) for line in told[2:6])
    assert told[6:] == [f"look at {tmp_path / 'rows-neighbours.png'}"]


@pytest.mark.parametrize("wrong", [["data=nothing"], ["nowhere"], ["data=digits", "seed=1"], ["data=digits"]])
def test_what_is_wrong_is_one_line(wrong: list[str], run: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"\Acl-embed: [^\n]*accepted: [^\n]*\Z"):
        embed.main([str(run), *wrong, *HERE, "--to", str(tmp_path / "rows.npz")])


def test_the_command_offers_the_layers() -> None:
    assert embed.LAYERS == LAYERS


def test_another_process_tells_nothing_that_all_find(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit) as ended:
        embed.main(["nowhere", str(photos), *HERE, "--to", str(tmp_path / "rows.npz")])
    assert ended.value.code == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_tells_images_speed_and_time_left(
    terminal: bool, run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(progress, "redraws", lambda: terminal)
    monkeypatch.setattr(progress, "REFRESH", 0)
    monkeypatch.setattr(progress, "LOG", 0)
    embedded(run, [photos], tmp_path / "rows.npz")
    told = written.getvalue()
    expected = r"3/16.*8/16.*16/16" if terminal else r"3 of 16.*8 of 16.*16 of 16 images"
    assert re.search(expected, told, flags=re.DOTALL)
    assert re.search(r"\d+:\d\d left.*images/s", told)
