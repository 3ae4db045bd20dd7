"""What tests of several folders share."""

import pytest


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cl_lightning.runs.pictures.write_pictures", lambda folder, trainer: [])
