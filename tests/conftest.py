"""What tests of several folders share."""

import signal
from collections.abc import Iterator

import pytest

from tests.processes import end_all


@pytest.fixture(scope="session", autouse=True)
def processes_end_with_the_session() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_answered() -> None:
    """Where the tests run in a shell's background, which tells its programs to ignore it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cl_lightning.runs.pictures.write_pictures", lambda folder, trainer: [])
