"""cl-eval --baselines: a row for the network with which a run began."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from cl_lightning.checkpoints import Checkpoint
from cl_lightning.evaluate import main
from cl_lightning.runs import RunFolder
from cl_lightning.runs.contents import with_contents
from cl_lightning.runs.evaluating.asked import Asked
from cl_lightning.runs.evaluating.networks import frozen_network
from cl_lightning.runs.evaluating.one_run import evaluate
from cl_lightning.runs.evaluating.protocols import KNN, Linear
from cl_lightning.train import train
from tests import small

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*neighbours are asked of a bank", "ignore:.*Experiment logs directory"
)
FAST = ("--baselines", "--labels", "--draws", "1")
SAME = (
    *small.SMALL,
    "data.train.images=64",
    "data.val.images=32",
    "callbacks.progress=null",
    "callbacks.start_report=null",
    "callbacks.health=null",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A first run, runs that begin with its weights and with its projector only, and one that goes on."""
    root = tmp_path_factory.mktemp("runs")
    found: dict[str, Path] = {}
    for name, more in (
        ("first", ["seed=1"]),
        ("begun", ["init.weights={first}"]),
        ("projector", ["init.weights={first}", "init.parts=[projector]"]),
        ("longer", ["seed=1", "run.extend={first}", "trainer.max_epochs=2"]),
    ):
        overrides = [override.format(**found) for override in more]
        config = with_contents(small.config(*SAME, f"run.root={root}", f"run.name={name}", *overrides))
        train(config)
        found[name] = RunFolder.of(config).path
    return found


@pytest.fixture
def copied(runs: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(runs[name], tmp_path / runs[name].name))


def edited(folder: Path, **groups: dict[str, Any]) -> Path:
    config = RunFolder(folder).config()
    for name, keys in groups.items():
        config[name] |= keys
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def _results(run: Path, source: Any = "query") -> Any:
    return evaluate(RunFolder(run), source).content["results"]


def names(out: str) -> list[str]:
    """The names of the rows of a table."""
    lines = out.splitlines()
    return [line.split("  ")[0] for line in lines[2 : lines.index("")]]


def test_the_row_is_the_network_that_the_weights_gave_and_comes_before_the_trained_one(
    runs: dict[str, Path], copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    begun = copied("begun")
    main([str(begun), *FAST])
    rows = names(capsys.readouterr().out)
    label = f"starting weights ({runs['first']})"
    assert rows == ["raw pixels", "untrained encoder", label, f"{begun.name} (query)"]
    written = json.loads((begun / "evaluation-starting.json").read_text())
    assert written["weights"]["source"] == str(runs["first"])
    assert written["weights"]["digest"] == RunFolder(begun).config()["init"]["sha256"]
    assert written["results"] != json.loads((begun / "evaluation-query.json").read_text())["results"]

    config = RunFolder(begun).config()
    network, _ = frozen_network(RunFolder(begun), config, "starting")
    first = Checkpoint(runs["first"]).encoder_weights()
    assert all(torch.equal(w, first[f"backbone.{name}"]) for name, w in network.state_dict().items())
    assert _results(begun, "starting") == _results(runs["first"])


def test_a_run_that_began_at_random_has_no_such_row(
    copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "projector"):
        folder = copied(name)
        main([str(folder), *FAST])
        assert names(capsys.readouterr().out) == ["raw pixels", "untrained encoder", f"{folder.name} (query)"]


def test_each_run_has_the_row_of_its_own_weights_and_equal_ones_only_once(
    runs: dict[str, Path], copied: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, begun = copied("first"), copied("begun")
    again = Path(shutil.copytree(begun, tmp_path / "again"))
    other = edited(Path(shutil.copytree(begun, tmp_path / "other")), views={"blur": 0.25})
    main([str(first), str(begun), str(again), str(other), *FAST])
    label = f"starting weights ({runs['first']})"
    assert names(capsys.readouterr().out) == [
        *("raw pixels", "untrained encoder", f"{first.name} (query)", label, f"{begun.name} (query)"),
        *("again (query)", f"{label} in other", "other (query)"),
    ]


def test_a_parent_has_its_row(
    runs: dict[str, Path], copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    longer = copied("longer")
    main([str(longer), *FAST])
    assert names(capsys.readouterr().out)[2:] == [f"parent ({runs['first']})", f"{longer.name} (query)"]
    results = json.loads((longer / "evaluation-parent.json").read_text())["results"]
    assert (
        results
        == evaluate(RunFolder(runs["first"]), asked=Asked(protocols=[KNN(), Linear()])).content["results"]
    )


KEY_ROWS = {
    "all": ({"parts": "all"}, "key"),
    "a copy of the query encoder": ({"parts": ["backbone"]}, "query"),
    "the key encoder only": ({"parts": ["key_encoder"]}, "key"),
    "the parent's": (None, "key"),
}


@pytest.mark.parametrize("began", KEY_ROWS)
def test_for_the_key_encoder_the_row_is_what_that_began_with(
    run: Callable[[str], Path], tmp_path: Path, began: str
) -> None:
    first, (init, as_its) = run("moco"), KEY_ROWS[began]
    digest = hashlib.sha256((first / "checkpoints" / "last.ckpt").read_bytes()).hexdigest()
    folder = Path(shutil.copytree(first, tmp_path / "second"))
    if init is None:
        edited(folder, init={"weights": None}, run={"extend": str(first), "parent": digest})
    else:
        edited(folder, init={"weights": str(first), "sha256": digest, **init})
    main([str(folder), "--encoder", "key", *FAST])
    (file,) = {*folder.glob("evaluation-starting.json"), *folder.glob("evaluation-parent.json")}
    config, own = RunFolder(folder).config(), Checkpoint(first).encoder_weights(as_its)
    network, _ = frozen_network(RunFolder(folder), config, json.loads(file.read_text())["encoder"], "key")
    assert all(torch.equal(w, own[f"backbone.{name}"]) for name, w in network.state_dict().items())
    if began == "the key encoder only":  # the query encoder began at random
        file.unlink()
        main([str(folder), *FAST])
        assert not file.exists()


@pytest.mark.parametrize("how", ["gone", "changed", "broken"])
@pytest.mark.parametrize("key", ["init.weights", "run.extend"])
def test_weights_that_are_not_there_any_more_are_told_and_the_other_rows_printed(
    runs: dict[str, Path],
    copied: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    key: str,
    how: str,
) -> None:
    file = Path(shutil.copy(runs["first"] / "checkpoints" / "last.ckpt", tmp_path / "first.ckpt"))
    whole = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[:1000])
    digest = hashlib.sha256(whole[:1000] if how == "broken" else whole).hexdigest()
    keys = (
        {"init": {"weights": str(file), "sha256": digest}}
        if key == "init.weights"
        else {"init": {"weights": None}, "run": {"extend": str(file), "parent": digest}}
    )
    folder = edited(copied("begun"), **keys)
    main([str(folder), *FAST])
    out, err = capsys.readouterr()
    assert names(out) == ["raw pixels", "untrained encoder", f"{folder.name} (query)"]
    (told,) = [line for line in err.splitlines() if line.startswith("cl-eval: ")]
    assert all(words in told for words in (str(folder), str(file), "accepted: ", digest))
    file.write_bytes(whole)  # as the message says; a broken file had been broken then
    main([str(folder), *FAST])
    assert (len(names(capsys.readouterr().out)) == 4) is (how != "broken")
