"""A run's folder: found by its hash, begun once, continued as often as need be."""

import os
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder, run_hash
from cl_lightning.runs.config_file import read_config
from tests.rights import as_any_user
from tests.small import SMALL, config


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    return config(*SMALL)


def named(run: dict[str, Any], name: str, root: str = "runs") -> dict[str, Any]:
    return run | {"run": {"name": name, "root": root}}


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", ["simclr", "a [draft] *?", "фото 中文", "-", ".hidden", "simclr-00000000"])
@pytest.mark.parametrize("root", ["runs", "more [runs]*/here"])
def test_a_run_is_found_by_its_hash_whatever_the_name_before_it(
    name: str, root: str, run: dict[str, Any]
) -> None:
    ours = named(run, name, root)
    folder = RunFolder.of(ours)
    assert folder.path == Path(root) / f"{name}-{run_hash(run)}"
    folder.path.mkdir(parents=True)
    assert RunFolder.of(named(run, "renamed", root)).path == folder.path
    assert RunFolder.of(named(run | {"seed": 1}, name, root)).path != folder.path


def test_only_a_folder_with_the_whole_hash_at_its_end_is_the_run(run: dict[str, Any]) -> None:
    for other in (f"x-{run_hash(run)}.bak", f"x{run_hash(run)}", f"x-{run_hash(run)[:7]}"):
        Path("runs", other).mkdir(parents=True)
    Path("runs", f"file-{run_hash(run)}").touch()
    assert RunFolder.of(named(run, "ours")).path == Path("runs", f"ours-{run_hash(run)}")


def test_two_folders_of_one_run_are_named(run: dict[str, Any]) -> None:
    a, b = (Path("runs", f"{name}-{run_hash(run)}") for name in ("copy", "simclr"))
    for path in (a, b):
        path.mkdir(parents=True)
    with pytest.raises(ConfigError) as caught:
        RunFolder.of(named(run, "simclr"))
    assert str(caught.value) == (
        f"{a}, {b} are folders of one run; accepted: one of them in run.root, runs: move or remove the others"
    )


def test_a_new_run_has_its_config_and_nothing_to_continue_from(run: dict[str, Any]) -> None:
    folder = RunFolder.of(run)
    with folder.locked():
        assert folder.prepare(run) is False
        assert contents(folder.path) == {"config.yaml", ".lock"}
    assert folder.config() == run
    assert contents(folder.path) == {"config.yaml"}


@pytest.mark.parametrize("killed", ["before config.yaml", "before a checkpoint", "after a checkpoint"])
def test_a_run_that_was_killed_is_taken_up_as_it_is(killed: str, run: dict[str, Any]) -> None:
    folder = RunFolder.of(run)
    (folder.path / "checkpoints").mkdir(parents=True)
    for name in (".lock", "unfinished-00ff00ff.tmp", "checkpoints/unfinished-12345678.tmp"):
        (folder.path / name).write_text("process 1 on elsewhere")
    if killed != "before config.yaml":
        (folder.path / "config.yaml").write_text("seed: as it was\n")
    if killed == "after a checkpoint":
        folder.checkpoint.touch()
    with folder.locked():
        continues = folder.prepare(run)
    assert continues is (killed == "after a checkpoint")
    as_before = run if killed == "before config.yaml" else {"seed": "as it was"}
    assert read_config(folder.path / "config.yaml") == as_before
    kept = {"checkpoints/last.ckpt"} if continues else set()
    assert contents(folder.path) == {"config.yaml", "checkpoints"} | kept


def test_a_run_continued_elsewhere_keeps_its_config(run: dict[str, Any]) -> None:
    folder = RunFolder.of(run)
    with folder.locked():
        folder.prepare(run)
    moved = named(run, "renamed") | {"trainer": run["trainer"] | {"devices": 2}}
    again = RunFolder.of(moved)
    with again.locked():
        again.prepare(moved)
    assert again.path == folder.path
    assert again.config() == run


def test_a_run_that_another_process_has_just_finished_is_not_trained_again(run: dict[str, Any]) -> None:
    folder = RunFolder.of(run)
    folder.path.mkdir(parents=True)
    folder.write_json("summary.json", {"loss": 1.0})
    with pytest.raises(ConfigError) as caught, folder.locked():
        folder.prepare(run)
    assert str(caught.value) == (
        f"{folder.path} was finished by another process; accepted: the same command again, which tells what "
        "it reached"
    )
    assert contents(folder.path) == {"summary.json"}


def test_a_refused_run_leaves_no_folder(run: dict[str, Any]) -> None:
    folder = RunFolder.of(run)
    with folder.locked():
        folder.prepare(run)
        (folder.path / "tensorboard").mkdir()
        (folder.path / "tensorboard" / "events").touch()
        (folder.path / "link").symlink_to(Path().absolute(), target_is_directory=True)
        folder.discard()
        assert contents(folder.path) == {".lock"}  # nobody else comes in meanwhile
    assert os.listdir("runs") == []


@pytest.mark.parametrize("left", ["config.yaml", "checkpoints/last.ckpt"])
def test_a_refusal_removes_nothing_of_a_run_that_had_begun(left: str, run: dict[str, Any]) -> None:
    folder = RunFolder.of(run)
    (folder.path / "checkpoints").mkdir(parents=True)
    (folder.path / left).write_text("seed: 0\n")
    with folder.locked():
        folder.prepare(run)
        folder.discard()
    assert contents(folder.path) == {"config.yaml", "checkpoints", left}


def test_a_config_that_cannot_be_written_leaves_no_folder(
    run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    folder = RunFolder.of(run)
    monkeypatch.setattr("cl_lightning.runs.folder.replacing", full)
    with pytest.raises(ConfigError, match=r"config\.yaml can't be written: No space left"), folder.locked():
        folder.prepare(run)
    assert os.listdir("runs") == []


def test_names_of_any_bytes_are_kept_in_every_file(run: dict[str, Any]) -> None:
    ours = run | {"data": run["data"] | {"root": "caf\udce9"}}
    folder = RunFolder.of(ours)
    with folder.locked():
        folder.prepare(ours)
        folder.write_json("summary.json", {"broken_files": ["br\udce9.jpg", "猫"]})
        try:
            raise ValueError("br\udce9.jpg")
        except ValueError:
            folder.write_error()
    assert RunFolder(folder.path).config() == ours
    assert folder.summary() == {"broken_files": ["br\udce9.jpg", "猫"]}
    assert folder.error.read_text(encoding="utf-8").endswith("ValueError: br\\udce9.jpg\n")


@pytest.mark.parametrize("key", ["root", "name"])
def test_a_folder_that_no_checkpoint_can_lie_in_is_refused_by_its_key(key: str, run: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"run\.{key} is caf\\xe9; accepted: "):
        RunFolder.of(run | {"run": run["run"] | {key: "caf\udce9"}})


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_broken_summary_or_parent_is_refused_by_its_file(content: bytes, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for name, read in (("summary.json", folder.summary), ("parent.json", folder.parent)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=f"{name} is broken"):
            read()


def test_a_summary_that_this_user_may_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    (tmp_path / "summary.json").chmod(0)
    with as_any_user(), pytest.raises(ConfigError, match=r"summary\.json can't be read"):
        RunFolder(tmp_path).summary()


def test_a_config_of_another_user_is_named(run: dict[str, Any]) -> None:
    folder = RunFolder.of(run)
    with folder.locked():
        folder.prepare(run)
    (folder.path / "config.yaml").chmod(0)
    with as_any_user(), pytest.raises(ConfigError, match=r"config\.yaml can't be read"):
        folder.config()


@pytest.mark.parametrize("text", ["{", "[]", "", "\ud800", "seed: 0\ndata: null", "seed: a\ndata: {}"])
def test_a_config_that_is_no_run_s_is_refused_with_its_file(text: str, run: dict[str, Any]) -> None:
    folder = RunFolder.of(run)
    folder.path.mkdir(parents=True)
    (folder.path / "config.yaml").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(ConfigError, match=r"config\.yaml is broken.*accepted: "):
        folder.config()
