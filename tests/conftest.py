"""What tests of several folders share."""

from collections.abc import Iterator

import pytest

from tests.processes import end_all


@pytest.fixture(scope="session", autouse=True)
def processes_end_with_the_session() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cl_lightning.runs.pictures.write_pictures", lambda folder, trainer: [])
