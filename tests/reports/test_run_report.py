"""report.html of one run: what it says of its folder, and what happens where something is missing."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from cl_lightning.blueprints import ConfigError
from cl_lightning.report import main
from cl_lightning.reports.one_run import attempt_run_report, renew_run_reports, write_run_report
from cl_lightning.reports.one_run.machine import in_words
from cl_lightning.reports.one_run.pictures import PICTURES
from cl_lightning.runs import RunFolder
from tests.reports.folders import changed, made
from tests.reports.run_folder import EVALUATION, KNN, SUMMARY, whole
from tests.rights import as_any_user

BAD = "<script>alert(1)</script>\"'&ünï $x"


class Page(HTMLParser):
    """The texts below each heading, the rows of all tables, and the alternative texts of the pictures."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.sections: dict[str, str] = {"": ""}
        self.rows: list[list[str]] = []
        self.alternatives: list[str] = []
        self.levels: list[int] = []
        self._inside: list[str] = []
        self.html = (folder / "report.html").read_text(encoding="utf-8")
        self.feed(self.html[self.html.index("<body>") : self.html.index("<script>")])

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.alternatives.append(dict(attributes)["alt"] or "")
            return
        self._inside.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag

    def handle_data(self, text: str) -> None:
        if self._inside[-1] == "h2":
            self.sections[text] = ""
        else:
            last = list(self.sections)[-1]
            self.sections[last] += text
        if {"td", "th"} & {*self._inside}:
            self.rows[-1][-1] += text

    def row(self, head: str) -> list[str]:
        """The only row that begins so."""
        (found,) = (row[1:] for row in self.rows if row[0] == head)
        return found


def reported(folder: Path, **summary: Any) -> Page:
    """The report of a folder, whose summary.json is changed before."""
    content = json.loads((folder / "summary.json").read_text()) | summary
    (folder / "summary.json").write_text(json.dumps(content))
    write_run_report(RunFolder(folder))
    return Page(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole(tmp_path_factory.mktemp("whole"), loss__temperature=0.125, callbacks__knn__k=17)


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return reported(folder)


def test_it_has_a_section_for_each_matter(page: Page, folder: Path) -> None:
    pictures = [picture.title for picture in PICTURES.values()]
    ends = ["How to go on", "Machine and time", "Config"]
    assert list(page.sections) == ["", "What was trained", "Results", "Health", *pictures, *ends]
    assert page.levels == [1, *[2] * (len(page.sections) - 1)]
    assert f"Run {folder.name}" in page.sections[""]
    assert "kNN accuracy 0.300" in page.sections[""]


def test_pairs_encoder_and_loss_are_said_in_one_sentence(page: Page) -> None:
    (said, *_) = page.sections["What was trained"].strip().splitlines()
    for word in ("moco_v2", "digits", "moco_v2_views", "small_conv_net", "info_nce", "temperature 0.125"):
        assert word in said
    assert "negative_queue length 16" in page.row("callbacks")[0]
    assert page.row("length") == ["3 epochs, 6 steps, 8 images a step"]


def test_every_number_has_its_protocol_beside_it(page: Page) -> None:
    value, how = page.row("kNN accuracy")
    assert value == "0.3"
    for word in ("17 nearest", "exp(s / 0.1)", "after epoch 3"):
        assert word in how
    expected = {"loss": "7", "alignment": "0.25", "uniformity": "-1.5", "effective rank": "5.5"}
    for name, value in expected.items():
        assert [name, value] in [row[:2] for row in page.rows]
    assert page.row("kNN") == ["0.750", "vote of the 20 nearest; 360 validation images"]
    few, protocol = page.row("linear, 1 a class")
    assert few == "0.500 ± 0.125"
    assert protocol.startswith("logistic regression; 3 draws")


def test_evaluations_say_what_was_evaluated_and_on_what(page: Page) -> None:
    results = page.sections["Results"]
    assert "cl-eval on 360 images of digits, after 6 steps" in results
    assert ["result", "trained encoder", "how it was measured"] in page.rows
    assert page.row("uniformity of features")[0] == "-2.5"
    rank, how = page.row("effective rank of features")
    assert rank == "7.25"
    assert "of 16 features" in how
    assert (page.row("cat"), page.row("dog")) == (["0.250"], ["0.750"])


def test_pictures_are_inside_and_said_in_words_with_their_numbers(page: Page) -> None:
    told = dict(zip(["confusion", "map of cl-eval", *PICTURES], page.alternatives, strict=True))
    assert "loss 9 in epoch 1 and 7 in epoch 3" in told["curves"]
    assert "kNN accuracy 0.1 in epoch 1 and 0.3 in epoch 3" in told["curves"]
    assert "0.300" in told["map"]
    assert "t-SNE" in told["map of cl-eval"]
    assert "linear, 1 a class" in told["confusion"]
    assert "lowest of cat 0.25, a cow 0.50, dog 0.75, and highest of eel 1.00" in told["confusion"]
    assert page.html.count("data:image/png;base64,iVBOR") == len(told)
    used = re.findall(r'(?:src|href)="([^"]*)"', page.html)
    assert all(place.startswith("data:") for place in used)
    assert "default-src 'none'" in page.html


def test_the_config_is_that_of_the_run_and_commands_name_it_relative(page: Page, folder: Path) -> None:
    text = page.sections["Config"]
    config = yaml.safe_load(text[text.index("seed:") :])
    assert config == yaml.safe_load((folder / "config.yaml").read_text())
    for words in ("cl-eval {}\n", "cl-embed {} DIR --to ", "cl-export {} --to "):
        assert words.format(folder.name) in page.sections["How to go on"]
    without_config = page.html[: page.html.index("<h2>Config")]
    assert str(folder.parent) not in without_config


def test_time_machine_and_versions_are_told(page: Page) -> None:
    assert page.row("training time") == ["about 10 min: 3 epochs of 3 min, without validation"]
    assert page.row("speed") == ["1,234 views a second; 25.0% of the time waited for images"]
    assert page.row("processor") == ["A Processor"]
    assert page.row("GPUs") == ["none"]
    assert page.row("versions") == ["torch 2.99.0"]
    assert [in_words(seconds) for seconds in (0.42, 39.4, 720, 12_000)] == [
        "0.42 s",
        "39 s",
        "12 min",
        "3 h 20 min",
    ]


def test_health_is_said_in_words(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    assert "nothing was warned of" in reported(folder).sections["Health"]
    ill = [
        {"epoch": 1, "message": "all embeddings have collapsed"},
        {"epoch": 2, "message": "the loss is nan"},
    ]
    page = reported(folder, health=ill, broken_files=["a/b.png"])
    for text in ("Epoch 2: all embeddings have collapsed.", "Epoch 3: the loss is nan.", "a/b.png"):
        assert text in page.sections["Health"]
    assert "2 health warnings" in page.sections[""]
    assert "not recorded" in reported(folder, health=None).sections["Health"].lower()


def test_a_run_that_went_on_or_began_with_weights_says_so(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    assert reported(folder).row("began with") == ["random weights"]
    parent = {"name": "trunk-1", "hash": "1", "step": 40, "epoch": 20}
    assert reported(folder, parent=parent).row("began with") == [
        "the run trunk-1, after its epoch 20, step 40"
    ]
    elsewhere = made(tmp_path, changed(init={"weights": "/home/me/my.pth", "sha256": "abc"}, seed=9), SUMMARY)
    assert reported(elsewhere).row("began with") == ["weights my.pth (SHA-256 abc)"]
    began = made(tmp_path, changed(init={"weights": "timm:resnet18", "sha256": "abc"}), SUMMARY)
    assert reported(began).row("began with") == ["weights timm:resnet18 (SHA-256 abc)"]


def test_a_run_of_an_older_version_says_what_is_missing(tmp_path: Path) -> None:
    config = changed()
    for group in ("views", "loss", "init", "schedule"):
        del config[group]
    folder = made(tmp_path, config, {"knn_top1": None})
    page = reported(folder)
    assert page.row("kNN accuracy")[0] == "–"
    assert f"cl-eval {folder.name} --data DIR\n" in page.sections["How to go on"]
    assert "not measured" in page.row("kNN accuracy")[1]
    for name, picture in PICTURES.items():
        assert f"plots/{name}.png, is missing" in page.sections[picture.title]
    assert page.row("training time") == ["not recorded"]
    assert "cl-eval has not evaluated this run" in page.sections["Results"].replace("Cl-", "cl-")
    assert page.alternatives == []


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"results": 3}',
        '{"results": {"knn": 3, "few": {"accuracy": "x", "by_class": {"a": "b"}}}, "confusion": "few"}',
        '{"results": {}, "confusion": [1], "map": {}, "data": 3, "checkpoint": [], "encoder": {}}',
    ],
)
def test_a_broken_evaluation_breaks_no_report(tmp_path: Path, text: str) -> None:
    folder = whole(tmp_path)
    (folder / "evaluation-broken.json").write_text(text)
    for kind in ("confusion", "map"):
        (folder / f"{kind}-query.png").rename(folder / f"{kind}-broken.png")
    assert "broken" in reported(folder).sections["Results"]


def test_parts_of_another_kind_than_expected_break_no_report(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    odd = {name: ["odd", 3] for name in SUMMARY if name != "seed"} | {"health": "well", "epochs": "many"}
    page = reported(folder, **odd)
    assert page.row("peak memory") == ["not recorded"]
    assert "not recorded" in page.sections["Health"].lower()


def test_names_are_text(tmp_path: Path) -> None:
    folder = whole(tmp_path / "a b#<i>", encoder__name=BAD, run__name="r<u>n")
    evaluation = EVALUATION | {"results": {BAD: {"accuracy": 0.5, "protocol": BAD, "by_class": {BAD: 0.5}}}}
    (folder / "evaluation-query.json").write_text(json.dumps(evaluation))
    page = reported(folder, encoder=BAD, health=[{"epoch": 0, "message": BAD}], broken_files=[BAD])
    body = page.html[page.html.index("<body>") : page.html.index("<script>", page.html.index("</main>"))]
    assert not re.search(r"<(script|i|u|s|b)>", body)
    assert BAD in unescape(body)
    assert [BAD, "0.500", BAD] in page.rows
    assert [BAD, "0.500"] in page.rows
    assert "'r<u>n-" in page.sections["How to go on"]  # quoted for a shell


def test_an_unfinished_run_has_no_report(tmp_path: Path) -> None:
    folder = RunFolder(made(tmp_path, changed(), epochs=2))
    with pytest.raises(ConfigError, match="not finished"):
        write_run_report(folder)
    renew_run_reports([folder.path, tmp_path])
    assert not folder.report.exists()


def test_a_run_that_goes_on_has_no_report_that_says_it_is_finished(tmp_path: Path) -> None:
    config = changed()
    folder = RunFolder(made(tmp_path, config))
    write_run_report(folder, SUMMARY)  # killed before summary.json is written
    folder.prepare(config)
    assert not folder.report.exists()


def test_an_evaluation_renews_the_report(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    reported(folder)
    evaluation = EVALUATION | {"encoder": "key", "results": {"knn": {"accuracy": 0.123, "protocol": "p"}}}
    (folder / "evaluation-key.json").write_text(json.dumps(evaluation))
    renew_run_reports([folder, folder])
    assert Page(folder).row("knn") == ["0.123", "0.750", f"p / {KNN['protocol']}"]


def test_encoders_stand_side_by_side_on_the_same_images_only(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    pixels = EVALUATION | {"encoder": "pixels", "checkpoint": None, "geometry": None, "results": {"knn": KNN}}
    (folder / "evaluation-pixels.json").write_text(json.dumps(pixels))
    elsewhere = EVALUATION | {"data": {"name": "cows", "val": 12}, "results": {"map": {"value": 0.25}}}
    (folder / "evaluation-query-on-cows.json").write_text(json.dumps(elsewhere))
    page = reported(folder)
    assert [row[1:-1] for row in page.rows if row[0] == "result"] == [
        ["value"],
        ["trained encoder", "raw pixels"],
        ["trained encoder"],
    ]
    assert page.row("kNN") == ["0.750", "0.750", KNN["protocol"]]
    assert page.row("linear, 1 a class")[:2] == ["0.500 ± 0.125", "–"]
    assert page.row("map")[0] == "0.25"
    assert "cl-eval on 12 images of cows" in page.sections["Results"]


def test_a_report_that_can_not_be_written_is_only_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = whole(tmp_path)
    folder.chmod(0o555)
    with as_any_user():
        attempt_run_report(RunFolder(folder))
    folder.chmod(0o755)
    assert not (folder / "report.html").exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert "report.html" in line


def test_cl_report_writes_those_that_are_missing_and_leaves_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, there = (whole(tmp_path, seed=seed) for seed in (1, 2))
    locked = whole(tmp_path, seed=3)
    made(tmp_path, changed(seed=4), epochs=1)  # not finished
    (there / "report.html").write_text("as it was")
    locked.chmod(0o555)
    with as_any_user():
        main([str(tmp_path)])
    locked.chmod(0o755)
    told = capsys.readouterr()
    assert f"wrote {missing / 'report.html'}\n" in told.out
    assert (there / "report.html").read_text() == "as it was"
    assert str(locked / "report.html") in told.err
    assert len(list(tmp_path.glob("*/report.html"))) == 3  # with that which compares
    assert "kNN accuracy 0.300" in Page(missing).sections[""]


def test_cl_report_takes_a_run_folder_itself(tmp_path: Path) -> None:
    folder = whole(tmp_path)
    main([str(folder), "--to", str(tmp_path / "compared")])
    assert f"Run {folder.name}" in Page(folder).sections[""]


def test_a_failing_report_does_not_keep_cl_report_from_comparing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = whole(tmp_path)

    def broken(run: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("cl_lightning.reports.one_run.writing.page", broken)
    main([str(tmp_path)])
    assert (tmp_path / "report" / "report.html").is_file()
    assert folder.name in capsys.readouterr().err
