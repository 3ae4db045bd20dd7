"""A Trainer without a profiler enters none before each hook; a profiler of the user's stays."""

from typing import Any

import pytest
from lightning.pytorch.profilers import PassThroughProfiler, SimpleProfiler

from cl_lightning.methods.unmeasured import Unmeasured
from tests import small


class OwnProfiler(PassThroughProfiler):
    """What a user may write to measure a few things alone."""


@pytest.mark.parametrize(("given", "kind"), [(None, Unmeasured), (OwnProfiler(), OwnProfiler)])
def test_only_lightnings_default_is_replaced(given: Any, kind: type) -> None:
    trainer = small.trainer(profiler=given, max_steps=1)
    trainer.fit(small.simclr(), small.data())
    assert type(trainer.profiler) is kind


def test_a_profiler_sees_every_hook() -> None:
    profiler = SimpleProfiler()
    small.trainer(profiler=profiler, max_steps=2).fit(small.simclr(), small.data())
    assert len(profiler.recorded_durations["[Callback]HealthMonitor.on_train_batch_end"]) == 2
