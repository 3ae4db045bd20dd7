"""`init.weights` in `cl-train`: what a run begins with, and the file's content in the run's identity."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning import weights
from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder, run_hash
from cl_lightning.runs.contents import with_contents
from cl_lightning.runs.identity import determining
from cl_lightning.train import train
from tests.small import SMALL, SMALL_MOCO, config


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of MoCo v2."""
    root = tmp_path_factory.mktemp("source")
    run = config(*SMALL, *SMALL_MOCO, f"run.root={root}")
    train(run)
    return RunFolder.of(run)


def copied(source: RunFolder, to: Path) -> Path:
    return Path(shutil.copy(source.checkpoint, to))


def with_init(weights: Any, *overrides: str) -> dict[str, Any]:
    return config(*SMALL, f"init.weights={weights}", *overrides)


def weights_of(run: dict[str, Any]) -> dict[str, torch.Tensor]:
    return torch.load(RunFolder.of(run).checkpoint, weights_only=True)["state_dict"]


def interrupt(folder: RunFolder) -> None:
    """As if the run had been killed after its last checkpoint."""
    (folder.path / "summary.json").unlink()


def test_the_first_step_starts_from_the_named_parts(source: RunFolder, capsys: Any) -> None:
    """With a learning rate of 0 the weights after the run are those before it."""
    still = ("optimizer.lr=0", "seed=3")
    run = with_contents(with_init(source.path, *still))
    train(run)
    then, now = torch.load(source.checkpoint, weights_only=True)["state_dict"], weights_of(run)
    parameters = [name for name in now if "running" not in name and "num_batches" not in name]
    equal = {name for name in parameters if name in then and torch.equal(then[name], now[name])}
    assert equal == {name for name in parameters if name.startswith("encoder.backbone.")}
    assert "begins with" in capsys.readouterr().out


def test_a_moco_run_goes_on_with_key_encoder_and_queue(source: RunFolder) -> None:
    run = with_contents(
        with_init(source.path, *SMALL_MOCO, "init=all", "optimizer.lr=0", "trainer.max_steps=1")
    )
    train(run)
    then, now = (torch.load(f.checkpoint, weights_only=True) for f in (source, RunFolder.of(run)))
    kept = then["callbacks"]["NegativeQueue"]["keys"][8:], now["callbacks"]["NegativeQueue"]["keys"][8:]
    assert torch.equal(*kept), "8 new keys replace the oldest"
    average = [s["callbacks"]["MomentumEncoder"]["average"][0] for s in (then, now)]
    assert not torch.equal(average[0], now["state_dict"]["encoder.backbone.layers.0.0.weight"])
    torch.testing.assert_close(
        average[1], 0.999 * average[0] + 0.001 * now["state_dict"]["encoder.backbone.layers.0.0.weight"]
    )


def test_the_content_and_not_the_path_is_the_identity(source: RunFolder, tmp_path: Path) -> None:
    one, other = (copied(source, tmp_path / name) for name in ("one.ckpt", "other.ckpt"))
    hashes = {run_hash(with_contents(with_init(path))) for path in (one, other, source.path)}
    assert len(hashes) == 1
    with one.open("ab") as file:
        file.write(b"x")
    assert run_hash(with_contents(with_init(one))) not in hashes


@pytest.mark.parametrize("more", [["init.parts=[backbone,projector]"], ["init=all"]])
def test_other_parts_are_another_run(more: list[str], source: RunFolder) -> None:
    assert run_hash(with_contents(with_init(source.path, *more))) != run_hash(
        with_contents(with_init(source.path))
    )


def test_the_order_of_the_parts_is_no_part_of_the_identity(source: RunFolder) -> None:
    orders = ("[backbone,projector]", "[projector,backbone]", "[projector,backbone,projector]")
    runs = [with_contents(with_init(source.path, f"init.parts={order}")) for order in orders]
    assert len(set(map(run_hash, runs))) == 1


def test_without_weights_hashes_are_as_before() -> None:
    run = config(*SMALL)
    assert "init" not in determining(run)
    before = {name: part for name, part in run.items() if name != "init"}
    assert run_hash(before) == run_hash(run)


def test_a_resumed_run_needs_the_file_no_more(source: RunFolder, tmp_path: Path) -> None:
    file = copied(source, tmp_path / "file.ckpt")
    run = with_init(file)
    finished = train(run)
    folder = RunFolder.of(with_contents(run))
    interrupt(folder)
    file.unlink()
    again = train(with_init(file))
    assert again["loss"] == finished["loss"]
    assert RunFolder.of(with_contents(with_init(file))).path == folder.path
    assert train(with_init(file)) == again, "it is finished, and read"


def test_a_file_that_changed_under_an_unfinished_run_is_refused_with_two_ways_out(
    source: RunFolder, tmp_path: Path
) -> None:
    file = copied(source, tmp_path / "file.ckpt")
    run = with_contents(with_init(file))
    train(run)
    interrupt(RunFolder.of(run))
    content = torch.load(file, weights_only=True)
    torch.save({"state_dict": content["state_dict"]}, file)
    with pytest.raises(ConfigError, match=r"file\.ckpt, which has changed since .*init\.sha256=") as refused:
        train(with_init(file))
    advice = "init.sha256=" + str(refused.value).partition("init.sha256=")[2].split()[0]
    assert train(with_init(file, advice))["steps"] == 2
    assert RunFolder.of(with_contents(with_init(file))).path != RunFolder.of(run).path
    copied(source, file)
    assert train(with_init(file))["steps"] == 2
    assert RunFolder.of(run).summary() is not None, "put back, it goes on"


def test_with_the_sha256_of_then_a_run_goes_on_though_its_file_has_changed(
    source: RunFolder, tmp_path: Path
) -> None:
    file = copied(source, tmp_path / "file.ckpt")
    run = with_contents(with_init(file))
    finished = train(run)
    interrupt(RunFolder.of(run))
    file.write_bytes(b"changed")
    with pytest.raises(ConfigError) as refused:
        train(with_init(file))
    advice = f"init.sha256={run['init']['sha256']}"
    assert advice in str(refused.value)
    assert train(with_init(file, advice))["loss"] == finished["loss"]
    assert RunFolder.of(with_contents(with_init(file, advice))).path == RunFolder.of(run).path


def test_a_file_that_changes_while_it_is_read_is_refused_and_nothing_is_written(
    source: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = copied(source, tmp_path / "file.ckpt")
    begin = weights.begin

    def late(*args: Any) -> Any:
        content = torch.load(file, weights_only=True)
        torch.save({"state_dict": content["state_dict"]}, file)
        return begin(*args)

    monkeypatch.setattr(weights, "begin", late)
    with pytest.raises(ConfigError, match=r"init\.weights is .*file\.ckpt, which has changed while"):
        train(with_init(file))
    assert not Path("runs").exists()


def test_a_file_that_changed_after_a_finished_run_is_another_run(source: RunFolder, tmp_path: Path) -> None:
    file = copied(source, tmp_path / "file.ckpt")
    train(with_init(file))
    with file.open("ab") as opened:
        opened.write(b"x")
    assert RunFolder.of(with_contents(with_init(file))).summary() is None


REFUSED = {
    "missing": (("init.weights=nowhere.pth",), r"init\.weights is nowhere\.pth.*accepted"),
    "no run": (("init.weights=.",), r"init\.weights is \..*checkpoints/last\.ckpt"),
    "empty": (("init.weights=''",), r"init\.weights is ''"),
    "a number": (("init.weights=3",), r"init\.weights is 3"),
    "parts without weights": (("init=all",), r"init\.parts is 'all'.*init\.weights"),
    "a SHA-256 without weights": (("init.sha256=ab",), r"init\.sha256.*init\.weights is null"),
    "an unknown key": (("+init.part=[backbone]",), r"init\.part"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_before_anything_is_written(case: str) -> None:
    overrides, message = REFUSED[case]
    with pytest.raises(ConfigError, match=message):
        train(config(*SMALL, *overrides))
    assert not list(Path.cwd().rglob("config.yaml"))


LONG = "a" * 300


@pytest.mark.parametrize("key", ["init.weights", "run.extend"])
@pytest.mark.parametrize("source", ["pipe", LONG, f"timm:{LONG}", "'\0'", "'~nobody-there/run'", "folder"])
def test_what_is_no_file_is_refused_at_once(source: str, key: str) -> None:
    os.mkfifo("pipe")
    Path("folder/checkpoints/last.ckpt").mkdir(parents=True)
    with pytest.raises(ConfigError, match=rf"{re.escape(key)} is .*accepted: "):
        train(config(*SMALL, f"{key}={source}"))


def test_another_sha256_than_the_given_is_refused(source: RunFolder) -> None:
    with pytest.raises(ConfigError, match=r"init\.sha256 is 'ab'"):
        train(with_init(source.path, "init.sha256=ab"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("encoder.backbone.widths=[4,16]",), r"does not fit the backbone"),
        (("init=all",), r"another projector|has no"),
        ((*SMALL_MOCO, "init=all", "callbacks.negative_queue.length=24"), r"negative_queue\.length=16"),
        (("init.parts=[backbone,queue]",), r"init\.parts"),
    ],
)
def test_weights_that_do_not_fit_are_refused_before_anything_is_written(
    overrides: tuple[str, ...], message: str, source: RunFolder
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(with_init(source.path, *overrides))
    assert not RunFolder.of(with_contents(with_init(source.path, *overrides))).path.exists()


def test_images_of_another_size_and_batches_are_told(source: RunFolder, capsys: Any) -> None:
    assert train(with_init(source.path, "data.size=12", "data.batch_size=4"))["steps"] == 4
    told = capsys.readouterr().out
    assert "size of the images: 8 there, 12 here" in told
    assert "batches of 8 images there, 4 here" in told
