"""What a run's summary says of its health."""

from functools import partial
from typing import Any

import pytest

from cl_lightning.callbacks import HealthMonitor, Throughput
from cl_lightning.losses import nt_xent
from cl_lightning.runs.summary import summarise
from tests import tiny

CONFIG: dict[str, Any] = {"seed": 0, **{part: {"name": "tiny"} for part in ("method", "data", "encoder")}}


def summary(method: Any, *callbacks: Any) -> dict[str, Any]:
    trainer = tiny.trainer(*callbacks, max_epochs=2)
    trainer.fit(method, datamodule=tiny.data())
    return summarise(CONFIG, trainer)


def test_a_healthy_run_has_no_messages_and_a_share_of_waiting() -> None:
    found = summary(tiny.simclr(), Throughput())
    assert found["health"] == []
    assert 0 < found["data_wait"] < 1


def test_what_was_told_is_kept_with_its_epoch() -> None:
    method = tiny.simclr()
    method.loss = partial(nt_xent, temperature=100)
    with pytest.warns(UserWarning, match="epoch 1: the loss is .* cannot fall"):
        (message,) = summary(method)["health"]
    assert message["epoch"] == 0
    assert "loss.temperature" in message["message"]


def test_what_was_not_watched_is_null() -> None:
    method = tiny.simclr()
    method.default_callbacks = [c for c in method.default_callbacks if not isinstance(c, HealthMonitor)]
    found = summary(method)
    assert found["health"] is found["data_wait"] is found["seconds_per_epoch"] is None
