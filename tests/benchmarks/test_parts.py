"""The parts of a benchmark can't spoil each other, and what was measured is kept."""

import json
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.benchmarks import parts, results
from tests.benchmarks.parts import DIFFERENT, Part
from tests.benchmarks.runner import chosen, run_all, told

ROW = {"work": "sums", "unit": "s", "ours": 1.0, "peers": {"other": 2.0}, "times_better": {"other": 2.0}}
MEASURES = f"import json, sys; print(json.dumps({ROW!r}), file=open(sys.argv[1], 'a'))\n"


def part(name: str, program: str = "", limit: float = 30, needs: tuple[str, ...] = ()) -> Part:
    """Measures a row, then runs a program."""
    return Part(name, [sys.executable, "-c", MEASURES + program, "{rows}"], limit, needs)


def written(folder: Path) -> dict[str, dict]:
    return json.loads((folder / "bench.json").read_text())["parts"]


def run_parts(root: Path, *chosen: Part) -> tuple[dict[str, dict], int]:
    """The parts as written, and the exit code."""
    folder, outcomes = run_all(chosen, root, "bench", "tests.benchmarks")
    return written(folder), told(folder, outcomes, "bench")


def test_what_was_measured_is_kept_and_the_rest_goes_on_when_a_part_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, bad, last = part("first"), part("bad", "raise OSError('no peer today')"), part("last")
    found, code = run_parts(tmp_path, first, bad, last)
    assert list(found) == ["first", "bad", "last"]
    assert all(each["rows"] == [ROW] for each in found.values())
    assert [each["end"] for each in found.values()] == ["done", "failed: OSError: no peer today", "done"]
    assert code == 1
    shown = capsys.readouterr()
    assert "bad" in shown.err
    assert "sums" in shown.out


def test_each_part_is_written_before_the_next_begins(tmp_path: Path) -> None:
    seen = f"""
import pathlib
(file,) = pathlib.Path({str(tmp_path)!r}).glob("*/bench.json")
assert set(json.loads(file.read_text())["parts"]) == {{"first"}}
"""
    found, code = run_parts(tmp_path, part("first"), part("second", seen))
    assert found["second"]["end"] == "done"
    assert code == 0


def test_a_part_over_its_limit_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """Also with what would not listen, or has a session of its own."""
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    starts = f"""
import pathlib, subprocess, time
started = [
    subprocess.Popen([sys.executable, "-c", {deaf!r}], start_new_session=own).pid for own in (False, True)
]
pathlib.Path({str(tmp_path / "pids")!r}).write_text(" ".join(map(str, started)))
time.sleep(60)
"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "TO_SAVE", 0.5)
        begun = time.monotonic()
        found, code = run_parts(tmp_path, part("long", starts, limit=2), part("next"))
    assert time.monotonic() - begun < 20
    assert found["long"]["end"] == "ended at its limit of 2 s"
    assert found["long"]["rows"] == [ROW]
    assert found["next"]["end"] == "done"
    assert code == 1
    alive = [int(pid) for pid in (tmp_path / "pids").read_text().split() if psutil.pid_exists(int(pid))]
    assert [pid for pid in alive if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE] == []


def test_a_part_may_save_before_it_ends(tmp_path: Path) -> None:
    saves = f"""
import pathlib, signal, time
def save(*_):
    pathlib.Path({str(tmp_path / "saved")!r}).touch()
    sys.exit()
signal.signal(signal.SIGTERM, save)
time.sleep(60)
"""
    run_parts(tmp_path, part("record", saves, limit=2))
    assert (tmp_path / "saved").exists()


def test_a_fast_path_that_differs_ends_the_benchmark(tmp_path: Path) -> None:
    found, code = run_parts(tmp_path, part("first"), part("wrong", f"sys.exit({DIFFERENT})"), part("last"))
    assert list(found) == ["first", "wrong"]
    assert code == 1


def test_a_part_whose_peer_is_not_installed_is_left_out_with_its_name(tmp_path: Path) -> None:
    found, code = run_parts(tmp_path, part("peerless", needs=("no_such_peer",)), part("last"))
    assert "no_such_peer" in found["peerless"]["end"]
    assert found["last"]["rows"] == [ROW]
    assert code == 0


def test_half_a_line_is_no_figure(tmp_path: Path) -> None:
    found, _ = run_parts(tmp_path, part("cut", "print('{\"work\": ', end='', file=open(sys.argv[1], 'a'))"))
    assert found["cut"]["rows"] == [ROW]


def test_parts_are_chosen_by_name_and_kept_in_their_order() -> None:
    known = [part("views"), part("loss"), part("demo")]
    assert chosen(known, ["demo", "views"], "bench") == [known[0], known[2]]
    assert chosen(known, [], "bench") == known
    with pytest.raises(SystemExit, match="PARTS is vews; accepted: views, loss, demo"):
        chosen(known, ["vews"], "bench")


def test_the_figures_say_where_and_with_what_they_were_measured(tmp_path: Path) -> None:
    run_parts(tmp_path, part("first"))
    (folder,) = tmp_path.iterdir()
    found = json.loads((folder / "bench.json").read_text())
    assert set(found) == {"command", "date", "seed", "parts", "versions", "commit", "machine"}
    assert set(results.peers()) <= set(found["versions"])
    text = (folder / "bench.txt").read_text()
    assert found["versions"]["torch"] in text
    assert found["machine"]["processor"] in text
