"""cl-eval: numbers of a run folder, and clear words where there are none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch.utils.data import Dataset

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.evaluate import main
from cl_lightning.evaluation import FrozenFeatures, knn_accuracy, linear_accuracy
from cl_lightning.runs import RunFolder, run_hash
from cl_lightning.runs.assemble import assemble_data, assemble_method
from cl_lightning.runs.evaluating.asked import Asked
from cl_lightning.runs.evaluating.networks import frozen_network
from cl_lightning.runs.evaluating.one_run import evaluate
from cl_lightning.runs.evaluating.protocols import KNN, Few, Linear

pytestmark = [
    # Choices of the tiny runs above.
    pytest.mark.filterwarnings("ignore:.*neighbours are asked of a bank"),
    pytest.mark.filterwarnings("ignore:.*Experiment logs directory"),
]


def written(*folders: Path) -> list[str]:
    return sorted(file.name for folder in folders for file in folder.glob("evaluation*"))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What cl-eval says when it ends with an error."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert isinstance(end.value.code, str)  # exit status 1, and this on stderr
    assert capsys.readouterr().out == ""
    return end.value.code


@pytest.mark.parametrize(("name", "encoder"), [("simclr", "query"), ("moco", "query"), ("moco", "key")])
def test_the_numbers_are_those_of_the_encoder_in_the_checkpoint(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str], name: str, encoder: str
) -> None:
    folder = run(name)
    main([str(folder), "--encoder", encoder, "--labels", "1", "5", "--draws", "3"])
    assert written(folder) == [f"evaluation-{encoder}.json"]
    evaluation = json.loads((folder / f"evaluation-{encoder}.json").read_text())

    config = RunFolder(folder).config()
    method: Any = assemble_method(config)
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    if encoder == "query":
        method.load_state_dict(checkpoint["state_dict"])
    else:
        method.encoder.load_state_dict(checkpoint["callbacks"]["MomentumEncoder"]["encoder"])
    train_set, val = FrozenFeatures(method.views, method.encoder.backbone).extract(assemble_data(config))
    results = evaluation["results"]
    assert list(results) == ["knn", "linear_1", "linear_5", "linear_all"]
    assert results["knn"]["accuracy"] == knn_accuracy(train_set, val, 64).accuracy
    assert results["linear_5"]["accuracy"] == linear_accuracy(train_set, val, 5, 3).accuracy
    assert results["linear_all"]["accuracy"] == linear_accuracy(train_set, val).accuracy
    assert (evaluation["run"], evaluation["encoder"], evaluation["features"]) == (folder.name, encoder, 16)
    assert evaluation["hash"] == run_hash(config) == folder.name.rsplit("-", 1)[1]
    assert {"torch", "sklearn", "cl_lightning"} <= set(evaluation["versions"])

    text = capsys.readouterr().out
    assert f"{folder.name} ({encoder})" in text
    assert f"{results['linear_5']['accuracy']:.3f} +- {results['linear_5']['std']:.3f}" in text
    assert f"wrote {folder / f'evaluation-{encoder}.json'}" in text


def test_a_protocol_with_true_numbers_stands_beside_every_number(run: Callable[[str], Path]) -> None:
    asked = Asked(protocols=[KNN(), Few((2,), 3), Linear()])
    results = evaluate(RunFolder(run("simclr")), asked=asked).content["results"]
    assert results["knn"]["protocol"].startswith("vote of the 64 nearest of 64 clean training images")
    assert "2 labels a class, 3 draws" in results["linear_2"]["protocol"]
    assert "all 64 labels" in results["linear_all"]["protocol"]
    assert all(result["protocol"].endswith("32 validation images") for result in results.values())


def test_the_same_evaluation_gives_the_same_numbers(run: Callable[[str], Path]) -> None:
    folder = RunFolder(run("moco"))
    assert evaluate(folder, "query").content == evaluate(folder, "query").content


def test_key_and_query_encoder_differ_and_the_untrained_one_is_that_of_the_seed(
    run: Callable[[str], Path],
) -> None:
    folder = RunFolder(run("moco"))
    key, query = (Checkpoint(folder.path).encoder_weights(kind) for kind in ("key", "query"))
    assert key.keys() == query.keys()
    assert any(not torch.equal(key[name], query[name]) for name in key)
    config = folder.config()
    untrained, _ = frozen_network(folder, config, "untrained")
    again: Any = assemble_method(config)
    for ours, theirs in zip(
        untrained.state_dict().values(), again.encoder.backbone.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_baselines_are_rows_and_files_of_the_first_run(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    simclr, moco = run("simclr"), run("moco")
    main([str(simclr), str(moco), "--baselines", "--labels", "--draws", "1"])
    assert written(simclr) == ["evaluation-pixels.json", "evaluation-query.json", "evaluation-untrained.json"]
    assert written(moco) == ["evaluation-query.json"]
    lines = capsys.readouterr().out.splitlines()
    names = ["raw pixels", "untrained encoder", f"{simclr.name} (query)", f"{moco.name} (query)"]
    assert all(line.startswith(name) for line, name in zip(lines[2:6], names, strict=True))
    assert json.loads((simclr / "evaluation-pixels.json").read_text())["features"] == 3 * 8 * 8
    main([str(simclr), "--labels", "2", "--draws", "1"])
    assert f"replaced {simclr / 'evaluation-query.json'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--labels", "0"), "--labels is 0; accepted: numbers from 1"),
        (("--labels", "2", "2"), "--labels is 2 2; accepted: numbers from 1, each once"),
        (("--labels", "1", "17"), "class 0 has 16 training images; accepted: 1 to 16 with --labels"),
        (("--draws", "0"), "--draws is 0; accepted: 1 or more"),
        (("--encoder", "key"), "has no key encoder; accepted: the query encoder"),
    ],
)
def test_what_a_run_has_not_is_refused_and_nothing_is_written(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    simclr, moco = run("simclr"), run("moco")
    assert words in refused(capsys, str(moco), str(simclr), *arguments)
    assert written(simclr, moco) == []


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{tmp_path} is no run folder" in refused(capsys, str(tmp_path))
    assert "is no run folder" in refused(capsys, str(tmp_path / "missing"))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_or_broken_checkpoint_is_refused_before_anything_is_measured(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    simclr, moco = run("simclr"), run("moco")
    monkeypatch.setattr(FrozenFeatures, "extract", lambda *_: pytest.fail("measured"))
    checkpoint = moco / "checkpoints" / "last.ckpt"
    whole = checkpoint.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no checkpoint at all"):
        checkpoint.write_bytes(content)
        assert "last.ckpt is no complete checkpoint" in refused(capsys, str(simclr), str(moco))
    checkpoint.unlink()
    assert f"{moco} has no checkpoints/last.ckpt" in refused(capsys, str(moco))
    assert written(simclr, moco) == []


def test_a_checkpoint_of_another_network_is_refused(run: Callable[[str], Path]) -> None:
    folder = RunFolder(run("simclr"))
    config = folder.config()
    config["encoder"]["backbone"]["widths"] = [8, 12]
    (folder.path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"(?s)last.ckpt does not fit;.*size mismatch for backbone"):
        evaluate(folder)


def test_a_key_encoder_with_a_weight_missing_is_refused(run: Callable[[str], Path]) -> None:
    folder = RunFolder(run("moco"))
    checkpoint = torch.load(folder.checkpoint, weights_only=True)
    weights = checkpoint["callbacks"]["MomentumEncoder"]["encoder"]
    del weights[next(iter(weights))]
    torch.save(checkpoint, folder.checkpoint)
    with pytest.raises(ConfigError, match="does not fit"):
        evaluate(folder, "key")


def without(folder: Path, part: str) -> Path:
    """The run as if it had been made without its images of that part, or without their labels."""
    config = RunFolder(folder).config()
    config["data"]["val"] = None if part == "val" else config["data"]["val"]
    if part == "labels":
        config["data"]["train"] = {"_target_": "tests.evaluation.test_cl_eval.Unlabelled"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    forget_images(folder)
    return folder


def forget_images(folder: Path) -> None:
    """As if the run had begun before runs kept what their images are."""
    (folder / "images.json.gz").unlink()
    file = folder / "checkpoints" / "last.ckpt"
    content = torch.load(file, weights_only=True)
    del content["ContrastiveData"]
    torch.save(content, file)


class Unlabelled(Dataset[Any]):
    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.zeros(3, 8, 8, dtype=torch.uint8)


def test_of_all_in_a_folder_those_with_something_to_evaluate_are(
    run: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moco = run("moco")
    no_val, no_labels, unfinished, broken = (
        Path(shutil.copytree(moco, tmp_path / name))
        for name in ("no_val", "no_labels", "unfinished", "broken")
    )
    (broken / "config.yaml").write_text("data: 3")
    report = tmp_path / "report"
    report.mkdir()
    without(no_val, "val")
    without(no_labels, "labels")
    (unfinished / "checkpoints" / "last.ckpt").unlink()
    (tmp_path / "multirun.yaml").write_text("")
    everything = sorted(map(str, tmp_path.iterdir()), key=lambda path: path == str(moco))
    main([*everything, "--labels", "--draws", "1", "--baselines"])
    out, err = capsys.readouterr()
    assert sorted(line for line in err.splitlines() if line.startswith("cl-eval")) == [
        f"cl-eval: left out: {broken}/config.yaml is broken: it has no seed that is a whole number; "
        "accepted: the file as the run wrote it",
        f"cl-eval: left out: {tmp_path}/multirun.yaml is a file; accepted: the folder of a run",
        f"cl-eval: left out: {no_labels}: not every image of its data has a label; accepted: labelled "
        "data.train (or data.bank) and data.val",
        f"cl-eval: left out: {no_val} has no validation images; accepted: a run with data.val, or --data",
        f"cl-eval: left out: {report} is no run folder: it has no config.yaml",
        f"cl-eval: left out: {unfinished} has no checkpoints/last.ckpt; accepted: the folder of a run that "
        "was trained",
    ]
    assert f"{moco.name} (query)" in out
    files = ["evaluation-pixels.json", "evaluation-query.json", "evaluation-untrained.json"]
    assert written(moco) == files
    assert written(no_val, no_labels, unfinished) == []


def test_where_no_run_is_left_that_is_an_error(
    run: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(without(run(name), "val")) for name in ("simclr", "moco")]
    with pytest.raises(SystemExit, match="cl-eval: none of these runs can be evaluated, see above"):
        main(folders)
    assert capsys.readouterr().err.count("has no validation images") == 2


def test_a_broken_run_among_others_is_still_an_error(
    run: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simclr, moco = run("simclr"), without(run("moco"), "val")
    assert "is no run folder" in refused(capsys, str(simclr), str(moco), str(tmp_path / "other"))
    assert written(simclr) == []


def test_images_without_labels_are_refused_before_anything_is_measured(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(FrozenFeatures, "extract", lambda *_: pytest.fail("measured"))
    assert "not every image of its data" in refused(capsys, str(without(run("simclr"), "labels")))


def test_one_image_without_a_label_is_refused(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extract = FrozenFeatures.extract

    def unlabelled(self: FrozenFeatures, *arguments: Any) -> Any:
        bank, queries = extract(self, *arguments)
        bank.labels[3] = -1
        return bank, queries

    monkeypatch.setattr(FrozenFeatures, "extract", unlabelled)
    folder = run("simclr")
    assert "not every image of its data has a label" in refused(capsys, str(folder))
    assert written(folder) == []


def test_a_run_without_validation_images_is_refused(run: Callable[[str], Path]) -> None:
    folder = RunFolder(without(run("simclr"), "val"))
    with pytest.raises(ConfigError, match=r"has no validation images; accepted: a run with data.val"):
        evaluate(folder)
