"""Monitoring adds at most 5 % to an epoch of ResNet-18 on CIFAR-10."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from cl_lightning import MoCoV2, SimCLR
from cl_lightning.callbacks import HealthMonitor, MomentumEncoder, NegativeQueue, Throughput
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.methods import moco
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import simclr_views
from tests import small

BATCH, STEPS = 32, 3
STEPS_OF_CIFAR10 = 50_000 // BATCH


class Stopwatch:
    """CPU seconds inside some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.process_time() - start

        return call


class Steps(Callback):
    """CPU seconds of all steps but the first, which warms up, and what of them is monitoring."""

    def __init__(self, monitoring: Stopwatch) -> None:
        self.monitoring = monitoring

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.start, self.before = time.process_time(), self.monitoring.seconds
        self.seconds = time.process_time() - self.start
        self.monitored = self.monitoring.seconds - self.before


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other would count as work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.filterwarnings("ignore:callbacks.negative_queue.length is")
@pytest.mark.parametrize("kind", [SimCLR, MoCoV2])
def test_monitoring_adds_at_most_5_percent(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the CPU time of a real fit; what an epoch's end costs is spread over CIFAR-10's steps."""
    in_steps, at_the_end = Stopwatch(), Stopwatch()
    steps = Steps(in_steps)
    monitors = [HealthMonitor(), Throughput()]
    for monitor in monitors:
        for hook in ("on_train_batch_start", "on_train_batch_end", "on_before_optimizer_step"):
            monkeypatch.setattr(monitor, hook, in_steps.timed(getattr(monitor, hook)))
        monkeypatch.setattr(monitor, "on_train_epoch_end", at_the_end.timed(monitor.on_train_epoch_end))
    monkeypatch.setattr(moco, "contrast_scores", in_steps.timed(moco.contrast_scores))
    queue = [MomentumEncoder(), NegativeQueue(65_536)] if kind is MoCoV2 else []

    encoder = Encoder(ResNet(18, stem="cifar"))
    method = kind(simclr_views(32), encoder, optimizer=small.sgd, schedule=WarmupCosine())
    data = ContrastiveData(synthetic(images=STEPS * BATCH), batch_size=BATCH)
    small.trainer(*monitors, *queue, steps).fit(method, data)

    measured = STEPS - 1
    monitoring = steps.monitored / measured + at_the_end.seconds / STEPS_OF_CIFAR10
    training = (steps.seconds - steps.monitored) / measured
    print(f"{kind.__name__}: {monitoring / training:.2%}")
    assert 0 < monitoring <= 0.05 * training, (monitoring, training)
