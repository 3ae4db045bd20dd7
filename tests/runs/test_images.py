"""A run keeps what its images are, and goes on with these or not at all."""

import gzip
import json
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from cl_lightning.blueprints import ConfigError
from cl_lightning.data import BrokenImageError, PhotoFolder
from cl_lightning.data.record.inventory import Files
from cl_lightning.evaluate import main as cl_eval
from cl_lightning.runs import RunFolder
from cl_lightning.runs.own_images.record import FIRST_RULES, images_to_evaluate, kept
from cl_lightning.train import train
from tests.data.photos import write_photos
from tests.resume.compare import differences, ended_with
from tests.small import config

NAMES = [f"{split}/{kind}/{n}.png" for split in ("train", "val") for kind in ("a", "b") for n in range(8)]
PHOTOS = (
    *("data=image_folder", "data.root=photos", "data.size=8", "data.batch_size=8", "data.num_workers=0"),
    *("encoder=small_conv_net", "encoder.backbone.widths=[4,8]", "encoder.backbone.strides=[2,2]"),
    *("trainer=cpu", "trainer.max_epochs=2", "schedule.warmup_epochs=0", "callbacks.knn.k=4", "logger=csv"),
    *("callbacks.checkpoint.every_n_steps=1", "callbacks.progress=null", "callbacks.start_report=null"),
)


class InterruptedRunError(Exception):
    """What ends a run between two steps in these tests."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """The working folder's photos: eight to train on and eight to evaluate of each of two classes."""
    return write_photos(tmp_path / "photos", *NAMES)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunFolder]:
    """Begins a run that ends after its first step, which is saved."""

    def begin(*overrides: str) -> RunFolder:
        from cl_lightning.callbacks import Throughput

        def end(self: Any, trainer: Any, *others: Any) -> None:
            if trainer.global_step == 1:
                raise InterruptedRunError

        run = config(*PHOTOS, *overrides)
        with monkeypatch.context() as patch:
            patch.setattr(Throughput, "on_train_batch_start", end)
            with pytest.raises(InterruptedRunError):
                train(run)
        folder = RunFolder.of(run)
        assert folder.checkpoint.is_file()
        return folder

    return begin


def go_on(*overrides: str) -> dict[str, Any]:
    return train(config(*PHOTOS, *overrides))


def add_a_photo(photos: Path) -> None:
    shutil.copy(photos / "train/a/0.png", photos / "train/b/new.png")


def remove_a_photo(photos: Path) -> None:
    (photos / "val/b/7.png").unlink()


def exchange_a_photo(photos: Path) -> None:
    write_photos(photos / "other", "0.png", "1.png")
    (photos / "train/a/3.png").write_bytes((photos / "other/1.png").read_bytes() + b"more")
    shutil.rmtree(photos / "other")


CHANGES = {
    "data.train .* 1 new .b/new.png": add_a_photo,
    "data.val .* 1 gone .b/7.png": remove_a_photo,
    "data.train .* 1 of another size .a/3.png": exchange_a_photo,
}


def test_a_new_run_keeps_its_folder_and_its_files_in_order(photos: Path) -> None:
    go_on("trainer.max_epochs=1")
    (folder,) = Path("runs").iterdir()
    images = kept(RunFolder(folder))
    assert images is not None
    assert set(images.roots.values()) == {str(photos)}
    train_set, val = images.sets["train"], images.sets["val"]
    assert isinstance(train_set, Files)
    assert isinstance(val, Files)
    assert train_set.root == str(photos / "train")
    assert train_set.paths == [f"{kind}/{n}.png" for kind in "ab" for n in range(8)] == val.paths
    assert train_set.labels == [0] * 8 + [1] * 8
    assert train_set.sizes == [(photos / "train" / path).stat().st_size for path in train_set.paths]


@pytest.mark.parametrize(("told", "change"), CHANGES.items())
def test_other_images_end_what_would_go_on_with_them(
    photos: Path, told: str, change: Callable[[Path], None], interrupted: Callable[..., RunFolder]
) -> None:
    folder = interrupted()
    before = folder.checkpoint.read_bytes()
    change(photos)
    with pytest.raises(ConfigError, match=told):
        go_on()
    assert folder.checkpoint.read_bytes() == before
    other = go_on("run.root=others", "trainer.max_epochs=1")  # as the message says
    assert other["steps"] == 2


@pytest.mark.parametrize(("told", "change"), CHANGES.items())
def test_a_run_is_finished_and_evaluated_with_its_own_images_only(
    photos: Path, told: str, change: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    summary = go_on()
    assert go_on() == summary
    assert "is finished" in capsys.readouterr().out
    (folder,) = Path("runs").iterdir()
    change(photos)
    with pytest.raises(ConfigError, match=told):
        go_on()
    with pytest.raises(SystemExit) as ended:
        cl_eval([str(folder), "--labels"])
    assert told.split(" ")[0] in str(ended.value.code)
    assert not list(folder.glob("evaluation*"))


def test_images_of_the_same_names_and_sizes_elsewhere_are_a_run_of_their_own(tmp_path: Path) -> None:
    bitmaps = [name.replace(".png", ".bmp") for name in NAMES]
    write_photos(tmp_path / "photos", *bitmaps)
    write_photos(tmp_path / "others", *reversed(bitmaps))
    shutil.copytree("photos", "copied")
    go_on("trainer.max_epochs=1")
    go_on("trainer.max_epochs=1", "data.root=others")
    runs = map(RunFolder, Path("runs").iterdir())
    assert sorted(run.config()["data"]["root"] for run in runs) == ["others", "photos"]
    go_on("trainer.max_epochs=1", "data.root=copied")
    assert len(list(Path("runs").iterdir())) == 2


def test_other_photos_of_the_same_names_and_sizes_do_not_go_on(
    tmp_path: Path, interrupted: Callable[..., RunFolder]
) -> None:
    bitmaps = [name.replace(".png", ".bmp") for name in NAMES]
    write_photos(tmp_path / "photos", *bitmaps)
    folder = interrupted()
    write_photos(tmp_path / "photos", *reversed(bitmaps))
    with pytest.raises(ConfigError, match=r"data\.train is not .*a/3\.bmp"):
        go_on()
    with pytest.raises(SystemExit) as ended:
        cl_eval([str(folder.path), "--labels"])
    assert "data.train" in str(ended.value.code)


def test_a_run_that_saved_no_step_begins_anew_with_other_images(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cl_lightning.callbacks import Throughput

    def end(*given: Any) -> None:
        raise InterruptedRunError

    with monkeypatch.context() as patch:
        patch.setattr(Throughput, "on_train_batch_start", end)
        with pytest.raises(InterruptedRunError):
            go_on("trainer.max_epochs=1")
    add_a_photo(photos)
    go_on("trainer.max_epochs=1")
    assert "b/new.png" in capsys.readouterr().err
    (folder,) = map(RunFolder, Path("runs").iterdir())
    images = kept(folder)
    assert images is not None
    assert "b/new.png" in vars(images.sets["train"])["paths"]


def test_a_finished_run_whose_images_are_no_more_stays_finished(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = go_on("trainer.max_epochs=1")
    shutil.rmtree(photos)
    assert go_on("trainer.max_epochs=1") == summary
    assert "photos" in capsys.readouterr().err


def test_a_relative_folder_is_the_same_wherever_a_later_command_is_typed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: Callable[..., RunFolder]
) -> None:
    root = f"run.root={tmp_path}/runs"
    folder = interrupted(root)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert go_on(root)["steps"] == 4
    cl_eval([str(folder.path), "--labels"])
    assert (folder.path / "evaluation-query.json").is_file()
    # Other photos below the same relative name are not taken for those of the run.
    write_photos(tmp_path / "elsewhere" / "photos", *NAMES[:-1])
    with pytest.raises(ConfigError, match="1 gone"):
        go_on(root)
    before = (folder.path / "evaluation-query.json").read_bytes()
    cl_eval([str(folder.path), "--labels"])
    assert (folder.path / "evaluation-query.json").read_bytes() == before


def test_photos_that_were_moved_as_a_whole_go_on_in_their_new_folder(
    photos: Path, tmp_path: Path, interrupted: Callable[..., RunFolder]
) -> None:
    undisturbed = train(config(*PHOTOS, "run.root=undisturbed"))
    folder = interrupted()
    photos.rename(tmp_path / "moved")
    with pytest.raises(ConfigError, match=r"data\.root"):
        go_on()
    assert go_on("data.root=moved")["loss"] == undisturbed["loss"]
    assert [path.name for path in Path("runs").iterdir()] == [folder.path.name]
    (other,) = Path("undisturbed").iterdir()
    assert differences(ended_with(folder.path)["checkpoint"], ended_with(other)["checkpoint"]) == []
    assert go_on("data.root=moved")["steps"] == 4  # finished
    cl_eval([str(folder.path), "--labels"])  # knows the new folder

    with pytest.raises(SystemExit) as ended:
        cl_eval([str(other), "--labels"])
    assert "--root" in str(ended.value.code)
    cl_eval([str(other), "--labels", "--root", "moved"])
    assert (other / "evaluation-query.json").is_file()


def in_form(form: Literal["NFC", "NFD"], folder: Path) -> None:
    """Write all names below a folder in one Unicode form, as a move to another system does."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rename(path.with_name(unicodedata.normalize(form, path.name)))


def test_names_whose_accents_a_move_wrote_in_another_form_are_the_same(
    tmp_path: Path, interrupted: Callable[..., RunFolder]
) -> None:
    accented = [name.replace("/b/", "/épagneul/").replace("3", "trois été") for name in NAMES]
    photos = write_photos(tmp_path / "photos", *accented)
    in_form("NFC", photos)
    undisturbed = train(config(*PHOTOS, "run.root=undisturbed"))
    folder = interrupted()
    record = (folder.path / "images.json.gz").read_bytes()
    photos.rename(tmp_path / "moved")
    in_form("NFD", tmp_path / "moved")
    photo = tmp_path / "moved/val" / unicodedata.normalize("NFD", "épagneul/trois été.png")
    whole = photo.read_bytes()
    damage(photo)
    with pytest.raises(BrokenImageError, match="trois"):
        go_on("data.root=moved")
    photo.write_bytes(whole)
    assert go_on("data.root=moved")["loss"] == undisturbed["loss"]
    assert go_on("data.root=moved")["steps"] == 4  # finished
    cl_eval([str(folder.path), "--labels"])
    kept_then, kept_now = (json.loads(gzip.decompress(c)) for c in (record, record_of(folder)))
    assert {name: part["paths"] for name, part in kept_then["sets"].items()} == {
        name: part["paths"] for name, part in kept_now["sets"].items()
    }
    photo.with_stem("4").unlink()
    with pytest.raises(ConfigError, match="1 gone"):
        go_on("data.root=moved")


def record_of(folder: RunFolder) -> bytes:
    return (folder.path / "images.json.gz").read_bytes()


def test_a_broken_photo_counts_once_wherever_the_run_goes_on(
    photos: Path, tmp_path: Path, interrupted: Callable[..., RunFolder]
) -> None:
    from cl_lightning.data import EpochOrder

    index = int(EpochOrder(16, 8, 0).batches()[0][3].item())  # of the first batch
    name = f"train/{'ab'[index // 8]}/{index % 8}.png"
    damage(photos / name)
    with pytest.warns(UserWarning, match=name):
        folder = interrupted("data.max_broken=1")
    photos.rename(tmp_path / "moved")
    assert go_on("data.root=moved", "data.max_broken=1")["broken_files"] == [f"moved/{name}"]
    assert len(list(folder.path.parent.iterdir())) == 1
    (tmp_path / "moved" / name).unlink()
    assert go_on("data.root=moved")["steps"] == 4


def test_two_folders_that_were_moved_together_are_evaluated_below_their_new_one(photos: Path) -> None:
    val = ("data.val.root=photos/val", "data.val.split=train")
    go_on("trainer.max_epochs=1", "data.root=null", "data.train.root=photos/train", *val)
    photos.rename("moved")
    (folder,) = Path("runs").iterdir()
    with pytest.raises(SystemExit) as ended:
        cl_eval([str(folder), "--labels"])
    assert "--root" in str(ended.value.code)
    cl_eval([str(folder), "--labels", "--root", "moved"])
    assert (folder / "evaluation-query.json").is_file()


def test_another_folder_with_other_photos_is_a_run_of_its_own(photos: Path, tmp_path: Path) -> None:
    go_on("trainer.max_epochs=1")
    write_photos(tmp_path / "others", *NAMES[1:])
    go_on("trainer.max_epochs=1", "data.root=others", "data.batch_size=8")
    assert len(list(Path("runs").iterdir())) == 2


@pytest.fixture
def of_before(interrupted: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run that began before runs kept their images, with photos held out by their number."""
    one_folder = ("data.root=photos/train", "data.val_fraction=0.3")
    with monkeypatch.context() as patch:
        patch.setattr("cl_lightning.runs.own_images.record.RULES", FIRST_RULES)
        folder = interrupted(*one_folder)
    (folder.path / "images.json.gz").unlink()
    content = torch.load(folder.checkpoint, weights_only=True)
    del content["ContrastiveData"]["inventories"]
    torch.save(content, folder.checkpoint)
    return folder


def test_a_run_of_before_goes_on_and_is_evaluated_by_its_own_rule(photos: Path, of_before: RunFolder) -> None:
    one_folder = ("data.root=photos/train", "data.val_fraction=0.3")
    add_a_photo(photos)  # which moves others to the other side
    with pytest.raises(ConfigError, match="images, but"):
        images_to_evaluate(of_before, None)
    (photos / "train/b/new.png").unlink()
    held_out = images_to_evaluate(of_before, None)[1].val
    assert go_on(*one_folder)["steps"] == 2
    assert kept(of_before) is None
    assert isinstance(held_out, PhotoFolder)
    assert len(held_out) == 5
    add_a_photo(photos)
    with pytest.raises(ConfigError, match="images, but"):  # which is finished
        go_on(*one_folder)


def test_a_run_of_before_in_a_moved_folder_is_named_with_what_lets_it_go_on(
    photos: Path, of_before: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("data.val_fraction=0.3", "trainer.max_epochs=2")
    photos.rename("moved")
    go_on("data.root=moved/train", *settings)
    told = next(line for line in capsys.readouterr().out.splitlines() if "ln -s" in line)
    assert str(of_before.path) in told
    command, root = re.findall(r"`(.+)` with (data\.root=\S+)", told)[0]
    subprocess.run(command, shell=True, check=True)
    go_on(root, *settings)
    assert of_before.summary() is not None


def test_a_moved_folder_with_a_photo_more_is_a_run_of_its_own_and_that_is_told(
    photos: Path, interrupted: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = interrupted()
    add_a_photo(photos)
    photos.rename("moved")
    capsys.readouterr()
    go_on("data.root=moved")
    told = capsys.readouterr().out
    assert re.search(rf"{folder.path} .*{photos}, .*data\.train has 1 new \(b/new\.png\)", told)


def test_a_photo_more_moves_no_other_to_the_held_out_ones(photos: Path) -> None:
    one_folder = ("data.root=photos/train", "data.val_fraction=0.3", "data.batch_size=4")
    go_on(*one_folder, "trainer.max_epochs=1")
    (folder,) = map(RunFolder, Path("runs").iterdir())
    images = kept(folder)
    assert images is not None
    add_a_photo(photos)
    go_on(*one_folder, "trainer.max_epochs=1", "run.root=more")
    (other,) = map(RunFolder, Path("more").iterdir())
    with_one_more = kept(other)
    assert with_one_more is not None
    for name in ("train", "val"):
        now, before = set(with_one_more.sets[name].paths), set(images.sets[name].paths)  # type: ignore[union-attr]
        assert before == now - {"b/new.png"}


def test_a_file_that_is_no_record_is_named(photos: Path, interrupted: Callable[..., RunFolder]) -> None:
    folder = interrupted()
    for content in (b"", b"no gzip", gzip.compress(b"{}"), gzip.compress(json.dumps([1]).encode())):
        (folder.path / "images.json.gz").write_bytes(content)
        with pytest.raises(ConfigError, match=r"images\.json\.gz"):
            go_on()


# A photo that is broken from the start, and met after the first steps.


def first_met_late() -> str:
    """A training photo of the second batch of the first epoch."""
    from cl_lightning.data import EpochOrder

    index = EpochOrder(16, 8, 0).batches()[1][3].item()
    return f"train/{'ab'[int(index) // 8]}/{int(index) % 8}.png"


def damage(photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:60])


def repair(photos: Path) -> None:
    """Put the photo back that is met late."""
    write_photos(photos / "whole", *NAMES)
    shutil.move(photos / "whole" / first_met_late(), photos / first_met_late())
    shutil.rmtree(photos / "whole")


@pytest.fixture
def stopped(photos: Path) -> Iterator[Path]:
    """A photo because of which a run stopped after its first step."""
    photo = photos / first_met_late()
    damage(photo)
    with pytest.raises(BrokenImageError, match=photo.name):
        go_on()
    (folder,) = map(RunFolder, Path("runs").iterdir())
    assert torch.load(folder.checkpoint, weights_only=True)["global_step"] == 1
    return photo  # type: ignore[return-value]


@pytest.fixture
def from_the_start(stopped: Path) -> dict[str, Any]:
    """The end of a run in which that photo was broken from the start, and allowed to be."""
    with pytest.warns(UserWarning, match=stopped.name):
        go_on("run.root=from_the_start", "data.max_broken=5")
    (folder,) = Path("from_the_start").iterdir()
    return ended_with(folder)["checkpoint"]


def ended() -> dict[str, Any]:
    (folder,) = Path("runs").iterdir()
    return ended_with(folder)["checkpoint"]


def test_a_broken_photo_that_is_removed_lets_the_run_go_on(
    stopped: Path, from_the_start: dict[str, Any]
) -> None:
    stopped.unlink()
    with pytest.warns(UserWarning, match=stopped.name):
        summary = go_on()
    assert differences(ended(), from_the_start) == []
    assert [os.path.basename(path) for path in summary["broken_files"]] == [stopped.name]
    assert go_on() == summary  # finished
    (folder,) = Path("runs").iterdir()
    with pytest.warns(UserWarning, match=stopped.name):
        cl_eval([str(folder), "--labels"])


def test_a_larger_limit_lets_the_run_go_on(
    stopped: Path, photos: Path, from_the_start: dict[str, Any]
) -> None:
    with pytest.warns(UserWarning, match=stopped.name):
        summary = go_on("data.max_broken=5")
    assert differences(ended(), from_the_start) == []
    assert go_on("data.max_broken=1") == summary  # finished
    with pytest.raises(ConfigError, match=r"data\.max_broken is 0"):
        go_on()
    (folder,) = Path("runs").iterdir()
    with pytest.warns(UserWarning, match=stopped.name):
        cl_eval([str(folder), "--labels"])
    photos.rename("moved")
    with pytest.raises(ConfigError, match=r"data\.max_broken is 0"):
        go_on("data.root=moved")
    Path("moved").rename(photos)
    repair(photos)
    assert go_on() == summary  # no file is broken any more
    photos.rename("moved")
    assert go_on("data.root=moved") == summary


def test_a_broken_photo_that_is_repaired_is_read_again(stopped: Path, photos: Path) -> None:
    repair(photos)
    go_on()
    train(config(*PHOTOS, "run.root=whole"))
    (whole,) = Path("whole").iterdir()
    assert differences(ended(), ended_with(whole)["checkpoint"]) == []


@pytest.mark.parametrize("photo", ["train/a/0.png", "val/a/0.png"])  # which are looked at before a run starts
def test_a_first_photo_that_breaks_may_be_removed_too(
    photos: Path, photo: str, interrupted: Callable[..., RunFolder]
) -> None:
    interrupted()
    damage(photos / photo)
    with pytest.raises(ConfigError, match=photo):
        go_on()
    (photos / photo).unlink()
    with pytest.warns(UserWarning, match=photo):
        assert go_on()["steps"] == 4


def test_a_photo_that_breaks_behind_a_run_is_evaluated_once_it_is_repaired(photos: Path) -> None:
    go_on("trainer.max_epochs=1")
    (folder,) = Path("runs").iterdir()
    photo = photos / "val/b/3.png"
    whole = photo.read_bytes()
    damage(photo)
    with pytest.raises(SystemExit) as ended:
        cl_eval([str(folder), "--labels"])
    assert str(photo) in str(ended.value.code)
    assert "max_broken" not in str(ended.value.code)  # which cl-eval does not have
    photo.write_bytes(whole)
    cl_eval([str(folder), "--labels"])


def test_a_broken_photo_that_stays_as_it_is_stops_the_run_again(stopped: Path) -> None:
    with pytest.raises(BrokenImageError, match=stopped.name):
        go_on()


def test_a_photo_that_was_good_and_breaks_later_may_be_allowed_too(
    photos: Path, interrupted: Callable[..., RunFolder]
) -> None:
    interrupted()
    photo = photos / first_met_late()
    damage(photo)
    with pytest.raises(BrokenImageError, match=photo.name):
        go_on()
    with pytest.warns(UserWarning, match=photo.name):
        assert go_on("data.max_broken=1")["steps"] == 4
