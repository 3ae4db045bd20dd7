"""cl-report: what it says, and what it writes, of folders made by hand."""

import csv
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.report import main
from cl_lightning.reports import report
from cl_lightning.reports.comparison import Comparison
from cl_lightning.reports.found import find_runs
from cl_lightning.reports.terminal import text
from tests.reports.folders import changed, made

HOLD = """
import sys
from pathlib import Path
from cl_lightning.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def compared(*folders: Path, by: str | None = None) -> Comparison:
    return Comparison.of(find_runs(folders)[0], by)


def lines(*folders: Path, by: str | None = None, width: int = 120) -> list[str]:
    return text(compared(*folders, by=by), width).splitlines()


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line)


def sweep(root: Path, reached: dict[tuple[float, int], float], **numbers: Any) -> None:
    """Finished runs by temperature and seed."""
    for (temperature, seed), knn in reached.items():
        config = changed(loss__temperature=temperature, seed=seed)
        made(root, config, {"knn_top1": knn, "loss": 5 - knn, "epochs": 4, **numbers}, epochs=4)


REACHED = {(0.1, 1): 0.5, (0.1, 2): 0.61, (0.1, 3): 0.57, (0.2, 1): 0.7, (0.2, 2): 0.72, (0.5, 1): 0.3}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("swept")
    sweep(root, REACHED)
    return root


def test_values_of_any_bytes_are_compared(tmp_path: Path) -> None:
    for name in ("one", "other"):
        folder = made(tmp_path, changed(method__name=name), {"knn_top1": 0.5, "epochs": 4}, epochs=4)
        config = (folder / "config.yaml").read_text()
        (folder / "config.yaml").write_text(config.replace(f"name: {name}", rf'name: "{name}\uDCE9"'))
    main([str(tmp_path)])
    assert rb"other\udce9" in (tmp_path / "report" / "runs.csv").read_bytes()
    assert (tmp_path / "report" / "report.html").is_file()


def test_the_table_has_mean_and_spread_over_seeds_best_first(swept: Path) -> None:
    head, _, *rows = lines(swept)[:5]
    assert cells(head) == ["loss.temperature", "knn_top1", "seeds", "loss", "epochs"]
    expected = []
    for temperature in (0.2, 0.1, 0.5):
        knn = [value for (t, _), value in REACHED.items() if t == temperature]
        spread = f" ± {np.std(knn, ddof=1):.3f}" if len(knn) > 1 else ""
        mean = f"{np.mean(knn):.3f}{spread}"
        expected.append([str(temperature), mean, str(len(knn)), f"{5 - np.mean(knn):.3f}", "4"])
    assert [cells(row.strip()) for row in rows] == expected


def test_the_same_mean_is_ordered_by_the_values_as_numbers(tmp_path: Path) -> None:
    for size in (16, 8, 128):
        made(tmp_path, changed(data__batch_size=size), {"knn_top1": 0.5})
    assert [row.values for row in compared(tmp_path).rows] == [(8,), (16,), (128,)]


def test_devices_are_no_column_where_the_result_does_not_depend_on_them(tmp_path: Path) -> None:
    for policy, seed in (("plain", 1), ("sync", 1), ("sync", 2), ("split", 1)):
        made(tmp_path, changed(encoder__batch_norm=policy, seed=seed), {"knn_top1": 0.5})
    found = compared(tmp_path)
    assert found.titles == ["encoder.batch_norm"]
    assert [(row.values, len(row.runs)) for row in found.rows] == [
        (("plain",), 1),
        (("split",), 1),
        (("sync",), 2),
    ]


def test_low_is_better_where_it_is(swept: Path) -> None:
    by_loss = compared(swept, by="loss")
    assert [row.values[0] for row in by_loss.rows] == [0.2, 0.1, 0.5]  # the loss is 5 - kNN
    assert "best first by loss (lower is better)" in by_loss.order
    assert "best first by knn_top1 (higher is better)" in compared(swept).order
    epochs = compared(swept, by="epochs")
    assert epochs.metrics[0] == "epochs"


def test_the_configs_say_what_is_compared_and_nan_is_last(tmp_path: Path) -> None:
    for place, loss in enumerate((2.0, float("nan"), 1.0)):
        made(tmp_path, changed(loss__temperature=0.1 + place, run__metric="loss"), {"loss": loss})
    made(tmp_path, changed(loss__temperature=9.0, run__metric="loss"))
    found = compared(tmp_path)
    assert found.metric == "loss"
    assert [row.values[0] for row in found.rows] == [2.1, 0.1, 1.1, 9.0]


def test_an_older_config_is_compared_by_knn_accuracy(tmp_path: Path) -> None:
    config = changed()
    del config["run"]["metric"]
    made(tmp_path, config, {"knn_top1": 0.5})
    assert compared(tmp_path).metric == "knn_top1"


def test_what_is_not_finished_is_told_with_how_far_it_is(tmp_path: Path) -> None:
    made(tmp_path, changed(), {"knn_top1": 0.5}, epochs=1)
    stopped, failed, running = (changed(seed=seed, trainer__max_epochs=20) for seed in (1, 2, 3))
    made(tmp_path, stopped, epochs=3)
    error = made(tmp_path, failed) / "error.txt"
    error.write_text("Traceback (most recent call last):\n  File\nRuntimeError: no <b>memory</b>\n\n")
    lock = made(tmp_path, running, epochs=7) / ".lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        found = lines(tmp_path, width=300)  # whatever the length of the path
    finally:
        holder.communicate(timeout=20)
    assert found[-1] == "4 runs: 1 finished, 1 running, 1 failed, 1 stopped"
    told = [(line.split()[0], cells(line)[-1]) for line in found[-6:-2]]
    assert told == [
        ("running", "epoch 7 of 20"),
        ("failed", "epoch 0 of 20"),
        ("RuntimeError:", "RuntimeError: no <b>memory</b>"),
        ("stopped", "epoch 3 of 20"),
    ]
    assert any(cells(line.strip())[:3] == ["20", "–", "0/3"] for line in found)


def test_half_written_files_break_nothing(tmp_path: Path, swept: Path) -> None:
    cut = made(tmp_path, changed(), epochs=3) / "metrics.csv"
    cut.write_text(cut.read_text() + "3,3,,0.")
    for seed, content in enumerate(
        ("", "epoch", "epoch,step,train/loss\n0,", "\0\0\n\0", "epoch,a\n\n0,1,2\n")
    ):
        folder = made(tmp_path, changed(seed=seed + 1))
        (folder / "metrics.csv").write_text(content)
    (made(tmp_path, changed(seed=11)) / "config.yaml").write_text("seed: [1")
    (made(tmp_path, changed(seed=12)) / "config.yaml").write_text("seed: 12\ndata: null")
    (made(tmp_path, changed(seed=13), {}) / "summary.json").write_text('{"knn_top1": 0.')
    (made(tmp_path, changed(seed=14)) / "config.yaml").write_bytes(b"\xff\xfe\xfa")
    date = made(tmp_path, changed(seed=15)) / "config.yaml"
    date.write_text(date.read_text().replace("name: synthetic", "name: 2026-11-28"))
    (tmp_path / "begun-12345678").mkdir()
    done = report([tmp_path])
    assert done.comparison.counts == "6 runs: 6 stopped"
    assert sorted(run.epoch for run in done.comparison.runs) == [0, 0, 0, 0, 0, 3]
    assert len(done.left_out) == 5
    assert sum("summary.json is broken" in words for words in done.left_out) == 1
    assert all("\n" not in words for words in done.left_out)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert page.count("is broken") == 5


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (
            "missing",
            "missing is not there; accepted: a folder that holds run folders, such as runs, or a run",
        ),
        ("empty", "empty holds no run: no folder with a config.yaml; accepted: a folder that holds"),
        ("file", "file is a file; accepted: a folder that holds"),
    ],
)
def test_a_folder_without_runs_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, words: str
) -> None:
    (tmp_path / "empty" / "report").mkdir(parents=True)
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=f"^cl-report: {words}[^\n]*$"):
        main([folder])
    assert not (tmp_path / folder / "report" / "runs.csv").exists()


def test_a_number_that_no_run_has_is_refused(swept: Path) -> None:
    with pytest.raises(SystemExit, match="--by is accuracy; accepted: knn_top1, loss, epochs"):
        main([str(swept), "--by", "accuracy"])


def test_a_place_that_cannot_be_written_to_is_told(swept: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"can't be written to: .*; accepted: --to DIR"):
        report([swept], to=tmp_path / "file" / "below")


def test_a_run_folder_counts_once_however_it_is_given(swept: Path, tmp_path: Path) -> None:
    folders = sorted(path for path in swept.iterdir() if path.name != "report")
    done = report([*folders, swept, f"{swept}/."], to=tmp_path)
    assert len(done.comparison.runs) == len(REACHED)
    assert done.left_out == []


def test_of_copies_of_a_run_the_finished_one_counts(tmp_path: Path) -> None:
    made(tmp_path / "a", changed())
    made(tmp_path / "b", changed(), {"knn_top1": 0.5})
    done = report([tmp_path / "a", tmp_path / "b"])
    assert done.comparison.counts == "1 run: 1 finished"
    assert [re.sub(r"-\w{8}", "", words) for words in done.left_out] == [
        f"{tmp_path}/a/simclr_synthetic is a copy of {tmp_path}/b/simclr_synthetic"
    ]


def test_csv_read_back_is_what_the_runs_tell(tmp_path: Path) -> None:
    summary = {"knn_top1": 1 / 3, "loss": 2.0, "epochs": 4, "health": [], "method": "x", "alignment": None}
    made(tmp_path, changed(loss__temperature=0.1, encoder__backbone__widths=[4, 8]), summary)
    made(tmp_path, changed(loss__temperature=0.25, encoder__backbone__widths=[8, 8]), {"loss": 1e-17})
    made(tmp_path, changed("moco_v2", data__name='ü, "q"\n<b>', seed=7))
    report([tmp_path])
    with (tmp_path / "report" / "runs.csv").open(encoding="utf-8", newline="") as file:
        read = {row["loss.temperature"]: row for row in csv.DictReader(file)}
    first, second, moco = read["0.1"], read["0.25"], read["0.2"]
    assert (float(first["knn_top1"]), float(second["loss"])) == (1 / 3, 1e-17)
    assert (second["knn_top1"], first["callbacks.negative_queue.length"]) == ("", "")
    assert (first["encoder.backbone.widths"], moco["callbacks.negative_queue.length"]) == ("[4, 8]", "16")
    assert (first["state"], moco["state"], moco["seed"]) == ("finished", "stopped", "7")
    assert moco["data.name"] == 'ü, "q"\n<b>'
    assert Path(first["folder"]).is_dir()
    assert not {"alignment", "health", "method", "views.seed"} & first.keys()


def test_lines_fit_the_terminal(tmp_path: Path) -> None:
    everything = (
        "knn_top1",
        "loss",
        "alignment",
        "uniformity",
        "effective_rank",
        "epochs",
        "seconds_per_epoch",
    )
    for seed, name in enumerate(("a" * 60, "b")):
        config = changed(data__name=name, loss__temperature=0.1 + seed, encoder__batch_norm=name, seed=seed)
        folder = made(tmp_path, config, {**dict.fromkeys(everything, 123.456)})
        (folder / "error.txt").write_text("x" * 300)
    failed = made(tmp_path, changed(seed=5))
    (failed / "error.txt").write_text("ValueError: " + "x" * 300)
    for width in (120, 80):
        found = lines(tmp_path, width=width)
        assert max(map(len, found)) <= width
        assert "knn_top1" in found[0]
    assert any(line.startswith("report.html has more columns: ") and "s/epoch" in line for line in found)


def test_names_may_have_any_signs(tmp_path: Path) -> None:
    for place, name in enumerate(("猫\n\x1b[31m", r"$\alpha$ $", "<b>'\"&")):
        made(tmp_path, changed(data__name=name), {"knn_top1": 0.1 * place}, epochs=2)
    report([tmp_path])
    assert [cells(line)[0] for line in lines(tmp_path)[2:5]] == ["<b>'\"&", r"$\alpha$ $", r"猫\n\x1b[31m"]
    assert not any("\x1b" in line for line in lines(tmp_path))


def test_one_run_is_a_table_too(tmp_path: Path) -> None:
    made(tmp_path, changed(), {"knn_top1": 0.25, "epochs": 4}, epochs=4)
    head, _, row = lines(tmp_path)[:3]
    assert (cells(head), cells(row)) == (
        ["run", "knn_top1", "seeds", "epochs"],
        ["simclr_synthetic", "0.250", "1", "4"],
    )
    done = report([tmp_path])
    assert [file.name for file in done.files] == ["runs.csv", "curves.png", "report.html"]


def test_pictures_of_an_earlier_report_do_not_stay(swept: Path, tmp_path: Path) -> None:
    report([swept], to=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("runs.csv", "curves.png", "parameters.png", "report.html")
    }
    report([next(path for path in swept.iterdir() if path.name != "report")], to=tmp_path)
    assert not (tmp_path / "parameters.png").exists()


def test_the_command_tells_the_files_and_loads_no_torch(swept: Path) -> None:
    code = (
        "import sys; from cl_lightning.report import main; main(sys.argv[1:]); "
        "sys.exit(str([m for m in ('torch', 'lightning', 'hydra', 'omegaconf') if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(swept)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.strip() == "[]"
    assert f"wrote {swept}/report/report.html" in done.stdout.splitlines()
    assert "6 runs: 6 finished" in done.stdout.splitlines()


def test_weights_to_start_from_have_their_path_and_not_the_whole_sha256(tmp_path: Path) -> None:
    sources = {None: 0.4, "a.pth": 0.5, "b.pth": 0.6}
    for number, (source, knn) in enumerate(sources.items()):
        config = changed()
        digest = None if source is None else str(number) * 64
        config["init"] = {"weights": source, "parts": ["backbone"], "sha256": digest}
        made(tmp_path, config, {"knn_top1": knn, "epochs": 4}, epochs=4)
    head, _, *rows = lines(tmp_path)[:5]
    assert cells(head)[0] == "init.weights"
    assert [cells(row.strip())[0] for row in rows] == ["b.pth (22222222)", "a.pth (11111111)", "null"]
