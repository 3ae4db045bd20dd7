"""What this user may not read or write is opened, or elsewhere, as the message advises; then it trains."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cl_lightning.evaluate import main as cl_eval
from tests.advice.cases import NO_FOLDER, Case, Remedy, evaluated, take
from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.bad_input.photos import SMALL, photos
from tests.data.archives import make_cifar100, serving
from tests.rights import as_any_user

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside
OPEN, CLOSED, READ_ONLY = 0o755, 0o000, 0o555


@pytest.fixture(autouse=True)
def any_user(tmp_path: Path) -> Iterator[None]:
    with as_any_user():
        yield
        for path in tmp_path.rglob("*"):  # so that pytest can remove them
            path.chmod(OPEN)


def change(name: str, mode: int) -> None:
    (path,) = Path().glob(name)
    path.chmod(mode)


def opened(name: str) -> Remedy:
    """Permissions that were lacking."""
    return lambda told: change(name, OPEN)


def closed(name: str, mode: int = CLOSED) -> None:
    photos(Path("photos"), "cat", "dog")
    Path("photos/train/cat/more").mkdir()
    change(name, mode)


PERMISSIONS = "(?i)change its permissions"
CASES = {
    **{
        f"{name}: opened": Case(
            lambda name=name: closed(name), "", f"(?i){PERMISSIONS}", opened(name), evaluated
        )
        for name in (
            *("photos", "photos/train", "photos/val", "photos/train/cat", "photos/train/cat/more"),
            *("photos/train/cat/0.png", "photos/train/cat/3.png", "photos/val/dog/1.png"),
        )
    },
    "a folder whose names alone may be read: opened": Case(
        lambda: closed("photos", 0o400), "", PERMISSIONS, opened("photos"), evaluated
    ),
    "a folder below: others": Case(
        lambda: [closed("photos/train/cat/more"), photos(Path("others"), "cat", "dog")],
        "",
        r"set (data\.root) to a folder without it",
        take("{1}=others"),
        evaluated,
    ),
    "the folder of the images: another": Case(
        lambda: [closed("photos"), photos(Path("others"), "cat", "dog")],
        "",
        "name another",
        "data.root=others",
        evaluated,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_opened_or_elsewhere_as_advised_trains(case: str, train: Train) -> None:
    CASES[case].carry_out(train)


def test_a_run_goes_into_another_folder_where_its_own_takes_nothing(train: Train) -> None:
    photos(Path("photos"), "cat", "dog")
    Path("runs").mkdir(READ_ONLY)
    told = re.search(r"(run\.root) is runs, .*a folder to write into", message := train(*SMALL).stop())
    assert told, message
    assert train(*SMALL, f"{told[1]}=others").code == 0
    assert len(list(Path("others").glob("*/summary.json"))) == 1


@pytest.mark.parametrize("name", ["checkpoints/last.ckpt", "config.yaml", "summary.json"])
def test_a_run_whose_file_is_opened_as_advised_is_known_and_evaluated(
    name: str, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    photos(Path("photos"), "cat", "dog")
    run = train(*SMALL).trained().relative_to(Path.cwd())
    change(f"{run}/{name}", CLOSED)
    if name == "summary.json":  # which cl-eval does without
        assert re.search(rf"{name}.*Permission denied.*this user may read", train(*SMALL).stop())
    else:
        with pytest.raises(SystemExit, match=rf"{name}.*Permission denied.*change its permissions"):
            cl_eval([str(run), "--labels"])
    change(f"{run}/{name}", OPEN)
    assert "is finished" in train(*SMALL).out
    cl_eval([str(run), "--labels"])
    assert f"wrote {run}/evaluation-query.json" in capfd.readouterr().out


def test_a_download_goes_where_the_user_may_write(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("web").mkdir()
    with serving(Path("web")) as server:
        make_cifar100(Path("web"), monkeypatch, f"http://127.0.0.1:{server.server_port}")
        Path("closed").mkdir(READ_ONLY)
        words = [*NO_FOLDER, "data=cifar100", "data.download=true", "data.batch_size=4", "callbacks.knn.k=2"]
        told = re.search(
            r"accepted: a (data\.root) .*may write to", message := train(*words, "data.root=closed").stop()
        )
        assert told, message
        train(*words, f"{told[1]}=open").trained()
