"""The files of evaluations: what is kept, what is replaced, and what lies beside."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning.evaluate import main
from cl_lightning.runs import RunFolder, run_hash
from cl_lightning.runs.evaluating import writing
from cl_lightning.runs.evaluating.evaluation import Evaluation
from cl_lightning.runs.evaluating.images import Images
from cl_lightning.train import train
from tests import small
from tests.data.photos import write_photos

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*neighbours are asked of a bank"),
    pytest.mark.filterwarnings("ignore:.*Experiment logs directory"),
]


def content(folder: Path, name: str = "query") -> dict[str, Any]:
    return json.loads((folder / f"evaluation-{name}.json").read_text())


def test_other_protocols_of_the_same_checkpoint_and_images_are_added(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run("simclr")
    main([str(folder), "--protocol", "linear"])
    first = content(folder)
    main([str(folder), "--protocol", "retrieval"])
    both = content(folder)
    assert list(both["results"]) == ["linear_all", "recall_1", "recall_5", "recall_10", "map"]
    assert both["results"]["linear_all"] == first["results"]["linear_all"]
    assert both["confusion"] == "linear_all"  # whose picture is still there
    assert (folder / "confusion-query.png").is_file()
    main([str(folder), "--protocol", "linear"])
    assert content(folder)["results"].keys() == both["results"].keys()
    assert "beside" in capsys.readouterr().out


def test_results_stay_when_the_run_folder_has_another_name(run: Callable[[str], Path]) -> None:
    folder = run("simclr")
    main([str(folder), "--protocol", "linear"])
    renamed = folder.rename(folder.with_name("é [1] renamed"))
    main([str(renamed), "--protocol", "retrieval"])
    assert list(content(renamed)["results"]) == ["linear_all", "recall_1", "recall_5", "recall_10", "map"]
    assert content(renamed)["run"] == renamed.name


def test_a_file_has_the_hash_of_its_run_wherever_the_images_are(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, found = RunFolder(run("simclr")), Images.config_and_data

    def moved(images: Images, folder: RunFolder, views: Any) -> tuple[dict[str, Any], Any]:
        config, data = found(images, folder, views)
        return config | {"data": config["data"] | {"root": "elsewhere"}}, data

    monkeypatch.setattr(Images, "config_and_data", moved)
    main([str(folder.path), "--protocol", "retrieval"])
    assert content(folder.path)["hash"] == run_hash(folder.config())


def test_a_data_set_may_have_a_name_as_long_as_any(run: Callable[[str], Path], tmp_path: Path) -> None:
    folder = RunFolder(run("simclr"))
    for number, name in enumerate(("x" * 255, "日" * 85, "x" * 254), start=1):
        about = {"encoder": "untrained", "data": {"name": name, "transfer": True}, "results": {}}
        list(writing.write(tmp_path, Evaluation(folder, about)))
        assert len(list(tmp_path.glob("evaluation-*"))) == number


def test_results_of_another_checkpoint_are_replaced_and_that_is_said(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run("simclr")
    main([str(folder), "--protocol", "linear"])
    before = content(folder)
    file = folder / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(file, weights_only=True)
    for name, weight in checkpoint["state_dict"].items():
        if weight.is_floating_point():
            checkpoint["state_dict"][name] = weight * 1.5
    torch.save(checkpoint, file)
    capsys.readouterr()
    main([str(folder), "--protocol", "retrieval"])
    out = capsys.readouterr().out
    assert "replaced" in out
    assert "of another checkpoint" in out
    assert "linear_all" not in content(folder)["results"]
    assert content(folder)["checkpoint"]["sha256"] != before["checkpoint"]["sha256"]
    assert not (folder / "confusion-query.png").exists()  # it was of that checkpoint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"results": []}', '{"results": {"knn": 1}, "run": "x"}'])
def test_a_file_that_is_no_evaluation_is_replaced(run: Callable[[str], Path], text: str) -> None:
    folder = run("simclr")
    (folder / "evaluation-query.json").write_text(text)
    main([str(folder), "--protocol", "knn"])
    assert list(content(folder)["results"]) == ["knn"]


def test_a_file_says_of_which_checkpoint_and_images_it_is(run: Callable[[str], Path]) -> None:
    folder = run("simclr")
    main([str(folder), "--protocol", "knn", "--baselines"])
    digest = hashlib.sha256((folder / "checkpoints" / "last.ckpt").read_bytes()).hexdigest()
    assert content(folder)["checkpoint"] == {"sha256": digest, "epochs": 1, "steps": 4}
    images = content(folder)["data"]
    assert (images["name"], images["transfer"], images["train"], images["val"]) == (
        "synthetic",
        False,
        64,
        32,
    )
    for baseline in ("pixels", "untrained"):
        assert content(folder, baseline)["checkpoint"] is None
        assert content(folder, baseline)["data"] == images


GIVEN = ("--data", "data=synthetic", "data.size=12", "data.train.images=40", "data.val.images=20")


def test_other_images_have_files_of_their_own_with_a_protocol_that_tells(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run("simclr")
    main([str(folder), "--protocol", "knn"])
    own = (folder / "evaluation-query.json").read_bytes()
    main([str(folder), "--protocol", "knn", "linear", "--baselines", *GIVEN, "data.batch_size=16"])
    assert (folder / "evaluation-query.json").read_bytes() == own
    names = [f"{source}-on-synthetic" for source in ("pixels", "query", "untrained")]
    written = sorted(p.name for p in folder.glob("*-on-*"))
    assert written == [f"confusion-{n}.png" for n in names] + [f"evaluation-{n}.json" for n in names]
    found = content(folder, "query-on-synthetic")
    assert (found["data"]["train"], found["data"]["val"], found["data"]["transfer"]) == (40, 20, True)
    for result in found["results"].values():
        assert result["protocol"].endswith("images of synthetic as --data names them")
    assert "20 validation images" in capsys.readouterr().out


@pytest.mark.slow
def test_images_that_only_have_the_same_name_replace_nothing(run: Callable[[str], Path]) -> None:
    folder = run("simclr")
    for seed in ("1", "2", "1"):
        main([str(folder), "--protocol", "knn", *GIVEN, f"data.train.seed={seed}"])
    names = sorted(p.stem for p in folder.glob("evaluation-*"))
    assert names == ["evaluation-query-on-synthetic", "evaluation-query-on-synthetic-2"]


@pytest.mark.slow
def test_a_run_without_images_or_labels_of_its_own_is_measured_on_others(
    run: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = run("simclr")
    main([str(folder), "--protocol", "knn", *GIVEN])
    text = (folder / "config.yaml").read_text()
    bare = Path(shutil.copytree(folder, tmp_path / "bare"))
    (bare / "config.yaml").write_text(text.replace("  val:\n", "  val: null\n  was:\n"))
    (bare / "evaluation-query-on-synthetic.json").unlink()
    main([str(bare), "--protocol", "knn", *GIVEN])
    name = "query-on-synthetic"
    assert content(bare, name)["results"] == content(folder, name)["results"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("data=digits",), "1 channel"),
        (("data=synthetic", "data.val=null"), "data.val"),
        (("data=synthetic", "data.batch_size=many"), "data.batch_size"),
        (("data=synthetic", "data.size=8", "data.val.images=2", "--devices", "3"), "--devices"),
        (("data=synthetic", "data.size=8", "data.val.images=4", "--map", "tsne"), "--map"),
        (("data=synthetic", "trainer=cpu"), "trainer=cpu"),
        pytest.param(("data=image_folder", "data.root={unlabelled}"), "label", marks=pytest.mark.slow),
        pytest.param(("{broken}",), "broken.png", marks=pytest.mark.slow),
        pytest.param(("{folder}",), "{folder}", marks=pytest.mark.slow),
        pytest.param(("{one}",), "data.labels=true", marks=pytest.mark.slow),
    ],
)
def test_images_that_can_t_be_evaluated_are_refused_in_one_line(
    run: Callable[[str], Path], tmp_path: Path, words: tuple[str, ...], named: str
) -> None:
    folder, places = (
        run("simclr"),
        {name: tmp_path / name for name in ("folder", "unlabelled", "broken", "one")},
    )
    places["folder"].mkdir()
    write_photos(places["unlabelled"], *[f"{part}/{n}.png" for part in ("train", "val") for n in range(20)])
    write_photos(places["one"], *[f"{part}/cat/{n}.png" for part in ("train", "val") for n in range(3)])
    classes = [f"{part}/{kind}" for part in ("train", "val") for kind in ("cat", "dog")]
    write_photos(places["broken"], *[f"{place}/{n}.png" for place in classes for n in range(10)])
    (places["broken"] / "val" / "cat" / "broken.png").write_bytes(b"no photo")
    with pytest.raises(SystemExit) as end:
        main([str(folder), "--data", *(word.format(**places) for word in words)])
    assert named.format(**places) in str(end.value.code)
    assert "accepted: " in str(end.value.code)
    assert "\n" not in str(end.value.code)
    assert list(folder.glob("evaluation*")) == []


def test_a_disk_that_is_full_for_a_picture_loses_no_numbers(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, replacing = run("simclr"), writing.replacing

    @contextmanager
    def full(target: Path) -> Iterator[Any]:
        if target.suffix == ".png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        with replacing(target) as part:
            yield part

    monkeypatch.setattr(writing, "replacing", full)
    with pytest.raises(SystemExit, match=r"confusion-query\.png can't be written: No space left"):
        main([str(folder), "--protocol", "knn"])
    assert list(content(folder)["results"]) == ["knn"]
    assert f"wrote {folder / 'evaluation-query.json'}" in capsys.readouterr().out
    assert not list(folder.glob("*.tmp"))


@pytest.mark.slow
def test_of_several_runs_those_whose_network_takes_the_images_are_measured(
    run: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        "data.channels=1",
        "views=digits",
        "data.mean=[0.5]",
        "data.std=[0.5]",
        "callbacks.progress=null",
    )
    grey = small.config(*small.SMALL, *words, f"run.root={tmp_path / 'grey'}")
    train(grey)
    capsys.readouterr()
    folder, other = run("simclr"), RunFolder.of(grey).path
    main([str(other), str(folder), "--protocol", "knn", *GIVEN])
    out, err = capsys.readouterr()
    assert folder.name in out
    assert other.name not in out
    assert f"left out: {other}: " in err
    assert "1 channel" in err
