"""cl-eval where files can't be written, and `--to`: the table is never lost."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.evaluate import main
from cl_lightning.evaluation import FrozenFeatures
from cl_lightning.runs.evaluating import places, writing

FAST = ("--labels", "--draws", "1")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*neighbours are asked of a bank"),
    pytest.mark.filterwarnings("ignore:.*Experiment logs directory"),
]


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Lets no file be made in a folder, as a read-only file system does (root may write everywhere else)."""

    def lock(folder: Path) -> None:
        make = places.tempfile.TemporaryFile

        def refuse(*arguments: Any, dir: Path, **named: Any) -> Any:
            if Path(dir) == folder:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(dir))
            return make(*arguments, dir=dir, **named)

        monkeypatch.setattr(places.tempfile, "TemporaryFile", refuse)

    return lock


@contextmanager
def full_disk(target: Path) -> Iterator[Any]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    yield


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("cl-eval")]


def test_a_run_that_can_t_be_written_to_is_told_before_it_is_measured_and_has_its_row(
    run: Callable[[str], Path],
    locked: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    simclr, moco = run("simclr"), run("moco")
    locked(moco)
    extract, told_before = FrozenFeatures.extract, []

    def measured(self: FrozenFeatures, *arguments: Any) -> Any:
        told_before.append(capsys.readouterr().err)
        return extract(self, *arguments)

    monkeypatch.setattr(FrozenFeatures, "extract", measured)
    main([str(simclr), str(moco), *FAST])
    (told,) = lines(told_before[0])
    assert str(moco) in told
    assert "Read-only file system" in told
    assert "--to DIR" in told
    out = capsys.readouterr().out
    assert f"{moco.name} (query)" in out
    assert f"wrote {simclr / 'evaluation-query.json'}" in out
    assert not (moco / "evaluation-query.json").exists()


def test_a_disk_that_is_full_by_then_loses_no_table_and_no_other_file(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simclr, moco = run("simclr"), run("moco")
    replacing = writing.replacing
    monkeypatch.setattr(writing, "replacing", lambda f: full_disk(f) if f.parent == simclr else replacing(f))
    with pytest.raises(SystemExit) as end:
        main([str(simclr), str(moco), *FAST])
    assert f"{simclr / 'evaluation-query.json'} can't be written: No space left" in str(end.value.code)
    out = capsys.readouterr().out
    assert f"{simclr.name} (query)" in out
    assert f"wrote {moco / 'evaluation-query.json'}" in out


def test_a_folder_in_the_way_of_a_file_loses_no_table(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    simclr = run("simclr")
    (simclr / "evaluation-query.json").mkdir()
    with pytest.raises(SystemExit, match=r"evaluation-query\.json can't be written"):
        main([str(simclr), *FAST])
    assert f"{simclr.name} (query)" in capsys.readouterr().out


def test_to_takes_the_files_by_the_names_of_their_runs(run: Callable[[str], Path], tmp_path: Path) -> None:
    simclr, moco, to = run("simclr"), run("moco"), tmp_path / "new" / "folder"
    before = {file: file.stat().st_mtime_ns for part in (simclr, moco) for file in part.rglob("*")}
    main([str(simclr), str(moco), *FAST, "--baselines", "--to", str(to)])
    written = sorted(str(file.relative_to(to)) for file in to.rglob("*.json"))
    assert written == [
        f"{moco.name}/evaluation-query.json",
        *(f"{simclr.name}/evaluation-{source}.json" for source in ("pixels", "query", "untrained")),
    ]
    assert json.loads((to / moco.name / "evaluation-query.json").read_text())["run"] == moco.name
    assert before == {file: file.stat().st_mtime_ns for part in (simclr, moco) for file in part.rglob("*")}


def test_to_keeps_runs_of_one_name_apart_and_takes_each_run_once(
    run: Callable[[str], Path], tmp_path: Path
) -> None:
    ours, to = run("simclr"), tmp_path / "to"
    theirs = Path(shutil.copytree(ours, tmp_path / "theirs" / ours.name))
    main([str(ours), str(theirs), f"{ours}/", *FAST, "--to", str(to)])
    places = {file.parent.relative_to(to) for file in to.rglob("*.json")}
    assert places == {Path(tmp_path.name, ours.name), Path("theirs", ours.name)}


@pytest.mark.parametrize("place", ["file", "file/below", "locked"])
def test_to_that_can_t_be_written_is_refused_before_anything_is_measured(
    run: Callable[[str], Path],
    locked: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    simclr = run("simclr")
    (tmp_path / "file").write_text("")
    locked(tmp_path / "locked" / simclr.name)
    monkeypatch.setattr(FrozenFeatures, "extract", lambda *_: pytest.fail("measured"))
    with pytest.raises(SystemExit, match=f"cl-eval: --to is {tmp_path / place}, .*accepted: a folder"):
        main([str(simclr), "--to", str(tmp_path / place)])
    assert (tmp_path / "file").read_text() == ""


def test_an_error_in_the_data_is_one_line(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    simclr = run("simclr")

    def broken(*_: Any) -> Any:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "photos/1.png")

    monkeypatch.setattr(FrozenFeatures, "extract", broken)
    with pytest.raises(SystemExit, match=r"cl-eval: photos/1\.png: No such file") as end:
        main([str(simclr)])
    assert "\n" not in str(end.value.code)
