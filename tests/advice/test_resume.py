"""A run that may not go on as it is does so, or begins anew, once it is treated as the message advises."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.callbacks import Throughput
from cl_lightning.evaluate import main as cl_eval
from tests.advice.cases import TRAIN, VAL
from tests.bad_input.conftest import Ended, Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.bad_input.photos import SMALL
from tests.data.photos import write_photos
from tests.runs.test_lock import HOLDER

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside
COMMAND = (*SMALL, "data.batch_size=6", "callbacks.checkpoint.every_n_steps=1")
NEW = "photos/train/cat/new.png"


class InterruptedRunError(Exception):
    """What ends a run between two steps in these tests."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Working folders of runs, `interrupted` after one of two steps and `finished`, moved since."""
    made = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)
        for name in ("finished", "interrupted"):
            write_photos(made / name, *TRAIN, *VAL)
            patch.chdir(made / name)
            patch.setattr(sys, "argv", ["cl-train", *COMMAND])
            if name == "interrupted":
                patch.setattr(Throughput, "on_train_batch_start", _end_after_a_step)
            _main()
        patch.chdir(made.parent)
    return made.rename(made.with_name("begun"))


def _end_after_a_step(self: Any, trainer: Any, *others: Any) -> None:
    if trainer.global_step == 1:
        raise InterruptedRunError


def _main() -> None:
    from cl_lightning.train import main

    with suppress(SystemExit):  # of the interrupted one
        main()


def run() -> Path:
    """The folder of the run."""
    (folder,) = Path("runs").iterdir()
    return folder


def put(name: str) -> Callable[[], Any]:
    return lambda: write_photos(Path(), name)


def remove(name: str) -> Callable[[], Any]:
    return lambda: Path(name).unlink()


def damage(name: str) -> Callable[[], Any]:
    def done() -> None:
        (file,) = Path().glob(name)
        file.write_bytes(file.read_bytes()[:-100])

    return done


def damage_the_last_of_two() -> None:
    shutil.copy(run() / "checkpoints/last.ckpt", run() / "checkpoints/kept.ckpt")
    damage("runs/*/checkpoints/last.ckpt")()


def take_the_good_one(told: "re.Match[str]") -> None:
    shutil.copy(told[1], run() / "checkpoints/last.ckpt")


def double() -> None:
    shutil.copytree(run(), Path("runs", f"mine-{run().name.rpartition('-')[2]}"))


def goes_on(ended: Ended) -> bool:
    return "continues after 1 steps" in ended.out and summary(run())["steps"] == 2


def is_finished(ended: Ended) -> bool:
    return "is finished: kNN accuracy" in ended.out


def begins_anew(ended: Ended) -> bool:
    return "continues" not in ended.out and summary(run())["steps"] == 2


def is_a_run_of_its_own(ended: Ended) -> bool:
    (other,) = Path("other").iterdir()
    return summary(other)["steps"] == 2


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


IMAGES, OTHER = r"accepted: the images that it began with", r"(run\.root)"
# Of a run: its state, what happens to it, the words of the message, what is done, what comes out.
CASES: dict[str, tuple[str, Callable[[], Any], str, Any, Any]] = {
    "a new photo, taken away": ("interrupted", put(NEW), IMAGES, remove(NEW), goes_on),
    "a new photo, another run": ("interrupted", put(NEW), OTHER, "{1}=other", is_a_run_of_its_own),
    "a photo is gone, and put back": (
        "interrupted",
        remove(TRAIN[0]),
        IMAGES,
        put(TRAIN[0]),
        goes_on,
    ),
    "a new photo of validation, taken away": (
        "interrupted",
        put(NEW.replace("train", "val")),
        IMAGES,
        remove(NEW.replace("train", "val")),
        goes_on,
    ),
    "finished, a new photo, taken away": ("finished", put(NEW), IMAGES, remove(NEW), is_finished),
    "finished, a new photo, another run": ("finished", put(NEW), OTHER, "{1}=other", is_a_run_of_its_own),
    "a damaged checkpoint beside a good one": (
        "interrupted",
        damage_the_last_of_two,
        r"the newest good checkpoint beside it is (\S+)",
        take_the_good_one,
        goes_on,
    ),
    "a damaged checkpoint alone": (
        "interrupted",
        damage("runs/*/checkpoints/last.ckpt"),
        r"(\S+last\.ckpt) is no complete checkpoint .* if this one is broken, a new one",
        lambda told: Path(told[1]).unlink(),
        begins_anew,
    ),
    "a damaged record of the images": (
        "interrupted",
        damage("runs/*/images.json.gz"),
        r"images\.json\.gz .* another (run\.root)",
        "{1}=other",
        is_a_run_of_its_own,
    ),
    "two folders of one run": (
        "interrupted",
        double,
        r", (\S+/simclr\S+) are folders of one run.*move or remove the others",
        lambda told: shutil.move("runs/" + next(p.name for p in Path("runs").glob("mine-*")), "elsewhere"),
        goes_on,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_is_treated_as_advised_ends_as_its_user_wants(
    case: str, begun: Path, tmp_path: Path, train: Train
) -> None:
    state, happens, names, remedy, wanted = CASES[case]
    shutil.copytree(begun / state, tmp_path, dirs_exist_ok=True)
    happens()
    message = train(*COMMAND).stop()
    told = re.search(names, message)
    assert told, message
    more = [remedy.format(told[0], *told.groups())] if isinstance(remedy, str) else []
    if not more:
        remedy(told) if remedy.__code__.co_argcount else remedy()
    ended = train(*COMMAND, *more)
    assert ended.code == 0, ended.err
    assert wanted(ended)


def test_a_run_that_another_process_trains_goes_on_once_that_one_is_stopped(
    begun: Path, tmp_path: Path, train: Train
) -> None:
    shutil.copytree(begun / "interrupted", tmp_path, dirs_exist_ok=True)
    command = [sys.executable, "-c", HOLDER, str(run())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        told = re.search(r"by process (\d+)", message := train(*COMMAND).stop())
        assert told, message
        assert "stop it" in message
        assert int(told[1]) == other.pid
        other.terminate()
    ended = train(*COMMAND)
    assert goes_on(ended)


def test_a_finished_run_is_told_under_the_limit_of_broken_files_that_the_message_names(
    tmp_path: Path, train: Train
) -> None:
    write_photos(tmp_path, *TRAIN, *VAL, broken=(TRAIN[0],))
    train(*COMMAND, "data.max_broken=1").trained()
    told = re.search(r"(data\.max_broken) is 0; accepted: (\d+) or more", message := train(*COMMAND).stop())
    assert told, message
    assert is_finished(train(*COMMAND, f"{told[1]}={told[2]}"))


def test_a_run_whose_photos_were_moved_is_evaluated_where_the_user_says(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(begun / "finished", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"are not in .*; accepted: --root DIR"):
        cl_eval([str(run()), "--labels"])
    cl_eval([str(run()), "--labels", "--root", "photos"])
    assert f"wrote {run()}/evaluation-query.json" in capsys.readouterr().out


def test_an_encoder_that_a_run_lacks_is_evaluated_by_the_one_that_it_has(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(begun / "finished", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    words = [str(run()), "--labels", "--root", "photos"]
    with pytest.raises(SystemExit, match=r"has no key encoder; accepted: the query encoder"):
        cl_eval([*words, "--encoder", "key"])
    cl_eval([*words, "--encoder", "query"])
    assert "evaluation-query.json" in capsys.readouterr().out
