"""What tests of several folders share."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.processes import end_all

TESTS = Path(__file__).parent
# Of `--dist loadgroup`: folders whose tests share runs stay together, and the long ones are by themselves.
TOGETHER = ("cli", "distributed", "packaging", "resume", "slurm")
APART = ("recipes",)
# These come first and in this order, so that all workers end together.
LONG = (
    *("slurm", "recipes", "endings"),
    *("distributed", "docs", "cli", "resume", "notebooks", "packaging", "fuzz", "sweeps", "advice"),
)

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a core for each worker; read when torch is imported
gc.disable()  # looking for garbage in what is imported took a sixth of the tests' time


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        group = folder if folder in TOGETHER else item.nodeid if folder in APART else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
    places = {folder: place for place, folder in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.relative_to(TESTS).parts[0], len(LONG)))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def processes_end_with_the_session() -> Iterator[None]:
    yield
    end_all()
    warm.end()


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_answered() -> None:
    """Where the tests run in a shell's background, which tells its programs to ignore it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def write_pictures() -> Iterator[Callable[..., Any]]:
    """What writes pictures. Runs of tests have none: these take longer than all else of a small run.

    Nor have they a report, which would show these pictures.
    """
    from cl_lightning.reports import one_run
    from cl_lightning.runs import pictures

    write = pictures.write_pictures
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "write_pictures", lambda folder, trainer: [])
        patch.setattr(one_run, "attempt_run_report", lambda folder, summary: None)
        yield write


@pytest.fixture
def with_pictures(write_pictures: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cl_lightning.runs.pictures.write_pictures", write_pictures)


@pytest.fixture
def with_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from cl_lightning.reports.one_run import writing

    monkeypatch.setattr("cl_lightning.reports.one_run.attempt_run_report", writing.attempt_run_report)
