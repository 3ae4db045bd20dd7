"""run.extend: a run of its own that goes on where another one has ended."""

import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
import torch

from cl_lightning import report
from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks import Throughput
from cl_lightning.runs import RunFolder
from cl_lightning.runs.contents import with_contents
from cl_lightning.runs.own_images.record_file import kept
from cl_lightning.train import train
from tests.data.photos import write_photos
from tests.resume.compare import differences, ended_with
from tests.small import SMALL, SMALL_MOCO, SMALL_NNCLR, config

pytestmark = pytest.mark.filterwarnings(r"ignore:epoch \d", "ignore:trainer.check_val_every_n_epoch is")
FOUR_STEPS = "data.train.images=32"  # an epoch has four steps
COSINE = ("schedule=warmup_cosine", "schedule.lr_scaling=none")
CONSTANT = ("schedule=wsd", "schedule.decay_share=0", "schedule.lr_scaling=none")
KEPT = "callbacks.checkpoint.keep_every_n_steps=6"  # inside the second epoch
METHODS = {
    "simclr": ("optimizer=adamw",),
    "moco_v2": (*SMALL_MOCO, "optimizer=sgd", "callbacks.negative_queue.length=24"),
    "nnclr": SMALL_NNCLR,
}


def settings(
    *overrides: str, epochs: int, method: str = "simclr", schedule: tuple[str, ...] = CONSTANT
) -> dict[str, Any]:
    length = f"trainer.max_epochs={epochs}"
    return config(*SMALL, FOUR_STEPS, *METHODS[method], *schedule, length, *overrides)


def folder_of(run: dict[str, Any]) -> RunFolder:
    return RunFolder.of(with_contents(run))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., RunFolder]:
    """The folder of a run; each is trained once."""
    root, done = tmp_path_factory.mktemp("runs"), set()

    def run(*overrides: str, epochs: int, method: str = "simclr") -> RunFolder:
        wanted = settings(*overrides, f"run.root={root}", epochs=epochs, method=method)
        folder = folder_of(wanted)
        if folder.path not in done:
            train(wanted)
            done.add(folder.path)
        return folder

    return run


def unclocked(folder: RunFolder) -> dict[str, Any]:
    ended = ended_with(folder.path)
    del ended["summary"]["parent"]
    return ended


def end_of(folder: RunFolder) -> dict[str, Any]:
    """What the next step would begin with."""
    saved = torch.load(folder.checkpoint, weights_only=True)
    state = {name: saved["callbacks"].get(name) for name in ("MomentumEncoder", "NegativeQueue")}
    return state | {name: saved[name] for name in ("state_dict", "optimizer_states", "global_step", "epoch")}


# --- the same bits


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=[pytest.mark.slow] * (name == "nnclr")) for name in METHODS]
)
def test_a_run_extended_from_its_half_ends_with_the_bits_of_the_whole_run(
    method: str, trained: Callable[..., RunFolder]
) -> None:
    whole, half = trained(epochs=4, method=method), trained(KEPT, epochs=2, method=method)
    longer = trained(f"run.extend={half.path}", epochs=4, method=method)
    assert longer.path != whole.path
    assert differences(unclocked(whole), unclocked(longer)) == []


@pytest.mark.slow
def test_a_run_extended_from_a_kept_checkpoint_inside_an_epoch_ends_with_these_bits_too(
    trained: Callable[..., RunFolder],
) -> None:
    method = "moco_v2"
    whole, half = trained(epochs=4, method=method), trained(KEPT, epochs=2, method=method)
    kept = half.checkpoint.with_name("step-00000006.ckpt")
    longer = trained(f"run.extend={kept}", epochs=4, method=method)
    assert differences(unclocked(whole), unclocked(longer)) == []


def test_a_run_that_max_steps_ended_inside_an_epoch_goes_on_inside_it(
    trained: Callable[..., RunFolder],
) -> None:
    method = "moco_v2"
    whole = trained(epochs=4, method=method)
    short = trained("trainer.max_steps=6", epochs=4, method=method)
    longer = trained(f"run.extend={short.path}", epochs=4, method=method)
    assert differences(end_of(whole), end_of(longer)) == []


def test_an_extended_run_is_extended_again(trained: Callable[..., RunFolder]) -> None:
    whole, first = trained(epochs=4), trained(epochs=1)
    second = trained(f"run.extend={first.path}", epochs=2)
    third = trained(f"run.extend={second.path}", epochs=4)
    assert differences(unclocked(whole), unclocked(third)) == []
    assert third.summary()["parent"]["name"] == "simclr_synthetic"
    assert third.summary()["parent"]["hash"] == second.path.name.rpartition("-")[2]
    assert (third.summary()["parent"]["step"], third.summary()["parent"]["epoch"]) == (8, 2)


def test_a_checkpoint_that_lies_elsewhere_is_extended_too(trained: Callable[..., RunFolder]) -> None:
    whole, half = trained(epochs=4), trained(KEPT, epochs=2)
    shutil.copy(half.checkpoint, "mine.ckpt")
    longer = settings("run.extend=mine.ckpt", epochs=4)
    assert train(longer)["parent"] == {"name": "mine.ckpt", "hash": None, "step": 8, "epoch": 2}
    assert differences(unclocked(whole), unclocked(folder_of(longer))) == []


def test_a_parent_whose_folder_was_renamed_is_told_by_its_name(trained: Callable[..., RunFolder]) -> None:
    shutil.copytree(trained(KEPT, epochs=2).path, "mine")
    assert train(settings("run.extend=mine", epochs=3))["parent"] == {
        "name": "mine",
        "hash": None,
        "step": 8,
        "epoch": 2,
    }


@pytest.mark.slow
def test_a_branch_of_a_trunk_that_decays_ends_with_the_bits_of_the_whole_run_of_its_length(
    trained: Callable[..., RunFolder],
) -> None:
    decaying = ("schedule.decay_share=0.5", "schedule.warmup_epochs=0.5")
    trunk = trained("schedule.warmup_epochs=0.5", "callbacks.checkpoint.keep_every_n_epochs=1", epochs=4)
    for epochs, file in ((2, "step-00000004.ckpt"), (4, "step-00000008.ckpt")):
        branch = trained(*decaying, f"run.extend={trunk.checkpoint.with_name(file)}", epochs=epochs)
        whole = trained(*decaying, epochs=epochs)
        assert differences(unclocked(whole), unclocked(branch)) == []
    last = torch.load(branch.checkpoint, weights_only=True)["optimizer_states"][0]["param_groups"][0]
    assert last["lr"] == 0


# --- what is told, and kept


def test_the_parent_and_where_it_goes_on_are_told_and_in_the_summary(
    trained: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    half = trained(KEPT, epochs=2)
    wanted = settings(f"run.extend={half.path}", epochs=4, schedule=COSINE)
    summary = train(wanted)
    told = capsys.readouterr().out
    assert f"goes on from {half.path} after 8 steps (epoch 2)" in told
    assert "after 8 steps (epoch 2 of 4) at 0.001, on this run's schedule; it had come to 0.002" in told
    assert summary["parent"] == {
        "name": "simclr_synthetic",
        "hash": half.path.name.rpartition("-")[2],
        "step": 8,
        "epoch": 2,
    }
    assert json.loads((folder_of(wanted).path / "summary.json").read_text())["parent"] == summary["parent"]
    assert half.summary()["parent"] is None


class KilledError(Exception):
    """What ends a run between two steps."""


def killed_at(step: int, wanted: dict[str, Any]) -> None:
    """Begin a run, which ends before this step."""

    def end(self: Any, trainer: Any, *others: Any) -> None:
        if trainer.global_step == step:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Throughput, "on_train_batch_start", end)
        with pytest.raises(KilledError):
            train(wanted)


def test_an_interrupted_extension_goes_on_from_its_own_checkpoint_without_the_parent(
    trained: Callable[..., RunFolder], tmp_path: Path
) -> None:
    whole, half = trained(epochs=4), trained(KEPT, epochs=2)
    parent = shutil.copytree(half.path, tmp_path / "parent-00000000")
    wanted = settings(f"run.extend={parent}", epochs=4)
    killed_at(12, wanted)
    folder = folder_of(wanted)
    assert torch.load(folder.checkpoint, weights_only=True)["global_step"] == 12
    shutil.rmtree(parent)
    assert train(wanted)["parent"]["hash"] == "00000000"
    assert differences(unclocked(whole), unclocked(folder)) == []


def test_an_extension_that_has_saved_nothing_begins_again_from_the_parent(
    trained: Callable[..., RunFolder],
) -> None:
    whole, half = trained(epochs=4), trained(KEPT, epochs=2)
    wanted = settings(f"run.extend={half.path}", epochs=4)
    killed_at(8, wanted)
    train(wanted)
    assert differences(unclocked(whole), unclocked(folder_of(wanted))) == []


def test_a_parent_that_changes_before_the_run_is_finished_is_told(
    trained: Callable[..., RunFolder], tmp_path: Path
) -> None:
    half, other = trained(KEPT, epochs=2), trained("seed=1", epochs=2)
    parent = shutil.copytree(half.path, tmp_path / "parent-00000000")
    wanted = settings(f"run.extend={parent}", epochs=4)
    killed_at(12, wanted)
    shutil.copy(other.checkpoint, parent / "checkpoints" / "last.ckpt")
    with pytest.raises(ConfigError, match="has changed since"):
        train(wanted)


def test_the_curves_of_an_extended_run_begin_with_the_parents(trained: Callable[..., RunFolder]) -> None:
    half = trained(KEPT, epochs=2)
    longer = trained(f"run.extend={half.path}", epochs=4)
    with longer.metrics.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["val/knn_top1"]]
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]


# --- what may differ


@pytest.mark.parametrize(
    "other",
    [
        ("schedule.lr_scaling=linear", "schedule.decay=linear"),
        ("schedule.warmup_epochs=2.5",),
        ("callbacks.knn.k=3", "callbacks.health=null"),
        ("logger=csv_tensorboard",),
        ("callbacks.history=null", "callbacks.checkpoint=null", "callbacks.preemption=null"),
        ("trainer.check_val_every_n_epoch=3",),
    ],
)
def test_another_schedule_and_other_monitors_are_accepted(
    other: tuple[str, ...], trained: Callable[..., RunFolder]
) -> None:
    half = trained(KEPT, epochs=2)
    summary = train(settings(f"run.extend={half.path}", *other, epochs=3))
    assert (summary["steps"], summary["epochs"]) == (12, 3)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (("loss.temperature=0.5",), "loss.temperature: then 0.1, now 0.5"),
        (("optimizer.lr=0.5",), "optimizer.lr: then 0.002, now 0.5"),
        (("optimizer=sgd",), "optimizer: then AdamW("),
        (("seed=1",), "data.seed: then 0, now 1"),
        (("data.batch_size=16",), "data.batch_size: then 8, now 16"),
        (("encoder.backbone.widths=[4,4]",), "encoder.backbone.widths[1]: then 8, now 4"),
        (("method=moco_v2", *SMALL_MOCO), "method: then SimCLR, now MoCoV2"),
        (("trainer.precision=bf16-mixed",), "trainer.precision: then '32-true'"),
        (("data.train.images=24",), "data.train"),
    ],
)
def test_what_changes_a_step_or_the_images_is_refused_and_nothing_is_written(
    other: tuple[str, ...], told: str, trained: Callable[..., RunFolder]
) -> None:
    half = trained(KEPT, epochs=2)
    with pytest.raises(ConfigError) as refusal:
        train(settings(f"run.extend={half.path}", *other, epochs=4))
    assert told in str(refusal.value)
    assert f"init.weights={half.path}" in str(refusal.value)
    assert list(Path().iterdir()) == []


def test_another_length_of_the_queue_is_refused(trained: Callable[..., RunFolder]) -> None:
    half = trained(KEPT, epochs=2, method="moco_v2")
    longer = (f"run.extend={half.path}", "callbacks.negative_queue.length=32")
    with pytest.raises(ConfigError, match=r"callbacks\.negative_queue\.length: then 24, now 32"):
        train(settings(*longer, epochs=4, method="moco_v2"))
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (("trainer.max_epochs=2",), "accepted: trainer.max_epochs=3 or more (it is 2)"),
        (("trainer.max_epochs=1",), "accepted: trainer.max_epochs=3 or more (it is 1)"),
        (("trainer.max_steps=8",), "accepted: trainer.max_steps=9 or more, or -1 (it is 8)"),
    ],
)
def test_a_run_that_is_not_longer_is_refused_with_the_numbers(
    length: tuple[str, ...], told: str, trained: Callable[..., RunFolder]
) -> None:
    half = trained(KEPT, epochs=2)
    with pytest.raises(ConfigError, match=r"has made 8 steps \(epoch 2\)") as refusal:
        train(settings(f"run.extend={half.path}", *length, epochs=4))
    assert told in str(refusal.value)
    assert list(Path().iterdir()) == []


def test_a_decay_that_would_have_begun_before_is_refused_with_the_numbers(
    trained: Callable[..., RunFolder],
) -> None:
    half = trained(KEPT, epochs=2)
    with pytest.raises(ConfigError, match="a run of 16 steps begins after 6, but the run goes on after 8"):
        train(settings(f"run.extend={half.path}", "schedule.decay_share=0.6", epochs=4))
    assert list(Path().iterdir()) == []


# --- what is no parent


def test_an_unfinished_run_is_extended_by_its_own_command_or_from_a_checkpoint_file(
    trained: Callable[..., RunFolder], tmp_path: Path
) -> None:
    half = trained(KEPT, epochs=2)
    parent = RunFolder(shutil.copytree(half.path, tmp_path / "parent-00000000"))
    (parent.path / "summary.json").unlink()
    with pytest.raises(ConfigError, match="is not finished") as refusal:
        train(settings(f"run.extend={parent.path}", epochs=4))
    advised = str(refusal.value).rpartition("run.extend=")[2]
    assert advised == str(parent.checkpoint)
    assert train(settings(f"run.extend={advised}", epochs=3))["parent"]["hash"] == "00000000"


HOLD = """
import sys, time
from pathlib import Path
from cl_lightning.runs.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_last_checkpoint_of_a_run_that_trains_is_refused_and_what_is_advised_works(
    trained: Callable[..., RunFolder], tmp_path: Path
) -> None:
    """It would be another one at any time."""
    half = trained(KEPT, epochs=2)
    parent = RunFolder(shutil.copytree(half.path, tmp_path / "parent-00000000"))
    (parent.path / "summary.json").unlink()
    with Popen([sys.executable, "-c", HOLD, parent.path / ".lock"], stdin=PIPE, stdout=PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        for given in (parent.path, parent.checkpoint):
            with pytest.raises(ConfigError, match=r"run\.extend is ") as refusal:
                train(settings(f"run.extend={given}", epochs=4))
            advised = str(refusal.value).partition("or ")[0]
            assert "step-00000006.ckpt" in str(refusal.value)
            assert f"run.extend={parent.checkpoint}" not in advised
        kept = parent.checkpoint.parent / "step-00000006.ckpt"
        assert train(settings(f"run.extend={kept}", epochs=3))["parent"]["step"] == 6
        assert other.stdin is not None
        other.stdin.close()


def foreign(file: Path, half: RunFolder) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(2)}}, file)


def truncated(file: Path, half: RunFolder) -> None:
    content = half.checkpoint.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def of_another_shape(file: Path, half: RunFolder) -> None:
    """As of a network of the user's own that was changed since."""
    content = torch.load(half.checkpoint, weights_only=True)
    content["state_dict"][next(iter(content["state_dict"]))] = torch.zeros(3)
    torch.save(content, file)


class Code:
    """What only a pickle with code can hold."""


def with_code(file: Path, half: RunFolder) -> None:
    torch.save(torch.load(half.checkpoint, weights_only=True) | {"code": Code()}, file)


def not_there(file: Path, half: RunFolder) -> None:
    pass


def no_run(file: Path, half: RunFolder) -> None:
    file.mkdir()


def without_a_key_encoder(file: Path, half: RunFolder) -> None:
    content = torch.load(half.checkpoint, weights_only=True)
    del content["callbacks"]["MomentumEncoder"], content["cl_lightning"]["settings"]
    torch.save(content, file)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (foreign, "it has no cl_lightning"),
        (of_another_shape, r"weight encoder\.backbone\..*: then \(3,\), now \("),
        (truncated, "run.extend is other.ckpt, but other.ckpt is no complete checkpoint"),
        (with_code, "run.extend is other.ckpt, but other.ckpt holds a tests"),
        (not_there, "run.extend is other.ckpt"),
        (no_run, "run.extend is other.ckpt"),
        (without_a_key_encoder, "no state of MomentumEncoder"),
    ],
)
def test_what_is_no_run_to_go_on_from_is_refused_and_nothing_is_written(
    make: Callable[[Path, RunFolder], None], told: str, trained: Callable[..., RunFolder]
) -> None:
    make(Path("other.ckpt"), trained(KEPT, epochs=2, method="moco_v2"))
    with pytest.raises(ConfigError, match=told):
        train(settings("run.extend=other.ckpt", epochs=4, method="moco_v2"))
    assert not Path("runs").exists()


def test_weights_of_elsewhere_and_a_run_to_go_on_from_exclude_each_other(
    trained: Callable[..., RunFolder],
) -> None:
    half = trained(KEPT, epochs=2)
    both = (f"run.extend={half.path}", f"init.weights={half.path}")
    with pytest.raises(ConfigError, match=r"init\.weights.*run\.extend"):
        train(settings(*both, epochs=4))


# --- how to go on from a finished run


def advised(told: str) -> str:
    (line,) = [line for line in told.splitlines() if "run.extend=" in line]
    return "run.extend=" + line.partition("run.extend=")[2].split(" ")[0]


def test_a_longer_run_beside_a_finished_one_tells_how_to_go_on_from_it_and_that_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    train(settings(epochs=1))
    finished = folder_of(settings(epochs=1))
    capsys.readouterr()
    train(settings(epochs=2))
    told = capsys.readouterr().out
    assert f"{finished.path} is the same, but finished after 4 of these 8 steps" in told
    assert advised(told) == f"run.extend={finished.path}"
    longer = settings(advised(told), epochs=2)
    train(longer)
    assert "run.extend=" not in capsys.readouterr().out.replace(f"run.extend ({finished.path}", "")
    whole = folder_of(settings(epochs=2))
    assert differences(unclocked(whole), unclocked(folder_of(longer))) == []


@pytest.mark.parametrize(
    ("schedule", "told"),
    [(COSINE, "has come to 0 of the peak, and would go on at 0.5;"), (CONSTANT, "")],
)
def test_a_rate_that_would_jump_is_told(
    schedule: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for epochs in (1, 2):
        capsys.readouterr()
        train(settings(epochs=epochs, schedule=schedule))
    out = capsys.readouterr().out
    assert advised(out)
    assert told in out
    assert ("of the peak" in out) is bool(told)


@pytest.mark.slow
def test_the_advice_beside_a_run_that_began_with_weights_or_was_extended_works_too(
    trained: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    half = trained(KEPT, epochs=2)
    for begin, lengths in ((f"init.weights={half.path}", (1, 2)), (f"run.extend={half.path}", (3, 4))):
        for epochs in lengths:
            capsys.readouterr()
            train(settings(begin, epochs=epochs))
        told = capsys.readouterr().out
        assert f"and leave out {begin}" in told
        assert train(settings(advised(told), epochs=lengths[1]))["parent"]["epoch"] == lengths[0]


@pytest.mark.parametrize(
    "other",
    [("seed=1",), ("trainer.max_epochs=1", "callbacks.knn.k=3"), ("seed=2",)],
)
def test_a_run_that_differs_in_more_or_is_not_shorter_is_no_advice(
    other: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    without = ("callbacks.checkpoint=null", "callbacks.preemption=null", "seed=2")
    train(settings(*(without if "seed=2" in other else ()), epochs=1))
    capsys.readouterr()
    train(settings(*other, epochs=2))
    assert "run.extend=" not in capsys.readouterr().out


def test_a_dry_run_checks_the_parent_and_writes_nothing(trained: Callable[..., RunFolder]) -> None:
    half = trained(KEPT, epochs=2)
    dry = (f"run.extend={half.path}", "trainer.fast_dev_run=true")
    assert train(settings(*dry, epochs=4)) == {}
    with pytest.raises(ConfigError, match=r"loss\.temperature"):
        train(settings(*dry, "loss.temperature=0.5", epochs=4))
    assert list(Path().iterdir()) == []


# --- images, and what reads the folder


PHOTOS = (
    *(o for o in SMALL if not o.startswith("data")),
    *("data=image_folder", "data.root=photos", "data.size=8", "data.batch_size=8", *CONSTANT),
    *("data.val_fraction=0.25", "data.num_workers=0"),
)


def photos(*overrides: str, epochs: int) -> dict[str, Any]:
    return config(*PHOTOS, f"trainer.max_epochs={epochs}", *overrides)


@pytest.fixture
def of_photos() -> RunFolder:
    """A finished run on photos in the working folder."""
    names = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(16)]
    write_photos(Path("photos"), *names)
    train(photos(epochs=1))
    return folder_of(photos(epochs=1))


def test_images_that_were_moved_go_on_and_others_are_refused(of_photos: RunFolder) -> None:
    Path("photos").rename("elsewhere")
    longer = (f"run.extend={of_photos.path}", "data.root=elsewhere")
    assert train(photos(*longer, epochs=2))["parent"]["epoch"] == 1
    Path("elsewhere", kept(of_photos).sets["train"].paths[0]).unlink()
    with pytest.raises(ConfigError, match=r"data\.train is not what run.extend=.* began with"):
        train(photos(*longer, epochs=3))
    assert len(list(Path("runs").iterdir())) == 2


@pytest.mark.slow
def test_photos_are_found_by_the_rules_of_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    write_photos(Path("photos"), *[f"{kind}/{n}.png" for kind in ("cat", "dog") for n in range(16)])
    with monkeypatch.context() as earlier:
        earlier.setattr("cl_lightning.runs.own_images.record.RULES", 2)
        train(photos(epochs=1))
    parent, longer = (
        folder_of(photos(epochs=1)),
        photos(f"run.extend={folder_of(photos(epochs=1)).path}", epochs=2),
    )
    train(longer)
    assert [images.rules for images in map(kept, (parent, folder_of(longer))) if images] == [2, 2]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:cannot read the image")
def test_a_file_that_was_broken_before_may_be_gone_later(of_photos: RunFolder) -> None:
    """As in a run that is continued: another image replaces it."""
    allowed = "data.max_broken=1"
    path = kept(of_photos).sets["train"].paths[0]
    file = Path("photos", path)
    whole = file.read_bytes()
    file.write_bytes(whole[:40])
    shutil.rmtree("runs")
    train(photos(allowed, epochs=1))
    half = folder_of(photos(allowed, epochs=1))
    assert half.summary()["broken_files"]
    file.unlink()
    longer = photos(allowed, f"run.extend={half.path}", epochs=3)
    killed_at(2 * half.summary()["steps"], longer)
    summary = train(longer)
    assert summary["broken_files"] == [str(file)]


def test_an_extended_run_is_reported_and_evaluated_beside_its_parent(
    trained: Callable[..., RunFolder], capsys: pytest.CaptureFixture[str]
) -> None:
    half = trained(KEPT, epochs=2)
    longer = trained(f"run.extend={half.path}", epochs=4)
    report.main([str(half.path), str(longer.path)])
    told = capsys.readouterr().out
    assert "2 runs: 2 finished" in told
    assert "run.extend" in told
