"""What a run's summary says of its health and of its precision."""

from functools import partial
from typing import Any

import pytest
import torch

from cl_lightning.callbacks import HealthMonitor, Throughput
from cl_lightning.losses import nt_xent
from cl_lightning.runs.summary import summarise
from tests import small
from tests.precision.trained import every_precision, fp16

CONFIG: dict[str, Any] = {"seed": 0, **{part: {"name": "tiny"} for part in ("method", "data", "encoder")}}


def summary(method: Any, *callbacks: Any, **settings: Any) -> dict[str, Any]:
    trainer = small.trainer(*callbacks, max_epochs=2, **settings)
    trainer.fit(method, datamodule=small.data())
    return summarise(CONFIG, trainer)


def test_a_healthy_run_has_no_messages_and_a_share_of_waiting() -> None:
    found = summary(small.simclr(), Throughput())
    assert found["health"] == []
    assert 0 < found["data_wait"] < 1


def test_what_was_told_is_kept_with_its_epoch() -> None:
    method = small.simclr()
    method.loss = partial(nt_xent, temperature=100)
    with pytest.warns(UserWarning, match="epoch 1: the loss is .* cannot fall"):
        (message,) = summary(method)["health"]
    assert message["epoch"] == 0
    assert "loss.temperature" in message["message"]


def test_what_was_not_watched_is_null() -> None:
    method = small.simclr()
    method.default_callbacks = [c for c in method.default_callbacks if not isinstance(c, HealthMonitor)]
    found = summary(method)
    assert found["health"] is found["data_wait"] is found["seconds_per_epoch"] is None


# What a CPU makes of each precision, and of its embeddings.
ON_A_CPU = {
    "32": ("32-true", torch.float32),
    "bf16-mixed": ("bf16-mixed", torch.bfloat16),
    "16-mixed": ("bf16-mixed", torch.bfloat16),
    "bf16-true": ("bf16-true", torch.bfloat16),
    "64": ("64-true", torch.float64),
}


@every_precision
@pytest.mark.filterwarnings("ignore:You passed .* fp16 is not supported on CPU")
def test_precision_is_what_the_steps_had(precision: str) -> None:
    method, seen = small.simclr(), set()
    method.encoder.register_forward_hook(lambda module, inputs, z: seen.add(z.dtype))
    found = summary(method, precision=precision)["precision"]
    assert (found, seen) == (ON_A_CPU[precision][0], {ON_A_CPU[precision][1]})


@pytest.mark.gpu
@every_precision
@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step")  # where fp16 skips the first step
def test_precision_on_a_gpu_is_the_one_asked_for(precision: str) -> None:
    found = summary(small.simclr(), precision=precision, accelerator="cuda")["precision"]
    assert found.removesuffix("-true") == precision.removesuffix("-true")


def test_precision_of_a_plugin_is_named_too() -> None:
    assert summary(small.simclr(), plugins=[fp16("cpu")])["precision"] == "16-mixed"
