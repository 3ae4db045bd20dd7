"""What a run may ask a device for: each transfer and each wait that is meant, with its reason.

A new `.item()`, `.cpu()` or `bool(tensor)`, a tensor made on the CPU and moved, or a shape that depends on
values raises in the runs of `test_training.py`. Avoid it; where it is needed, add it here.
"""

from typing import NamedTuple

from tests.devices.device import COPY, QUEUED, READ, SHAPE, Event


class Meant(NamedTuple):
    """Requests of one kind by one function.

    place: the function, below `cl_lightning` or in Lightning.
    often: how many times in each `per`; None: it depends on time or the number of values.
    """

    kind: str
    place: str
    reason: str
    often: int | None = None
    per: str = "epoch"


LOGS = "Lightning makes a tensor of each logged number"
SMALL = "a few numbers for a metric, before the first step"

# From the first step of an epoch to its last. On a GPU each read is a wait for the whole step.
IN_STEPS = (
    Meant(
        READ,
        "callbacks.finite_guard.FiniteGuard.on_before_optimizer_step",
        "four bytes that say whether all is finite: a broken step must stop before it changes anything",
        1,
        "optimizer step",
    ),
    Meant(
        READ,
        "callbacks.health.step_loss.log_step_loss",
        "step/loss, every trainer.log_every_n_steps steps",
        1,
        "logged step",
    ),
    Meant(READ, "callbacks.progress.RunProgress.on_train_batch_end", "the loss, where the line is written"),
    Meant(READ, "callbacks.progress.RunProgress._describe", "the kNN accuracy, where the line is written"),
    Meant(QUEUED, "data.order.EpochOrder.batches", "the order of all images of the epoch", 1, "epoch"),
    Meant(COPY, "data.sets.tensor_images.TensorImages.on", "images and labels, once", 2, "run"),
    Meant(QUEUED, "lightning.DataHooks.transfer_batch_to_device", "a batch that a loader read", 3, "step"),
)
SHUFFLED = (
    Meant(QUEUED, "distributed.shuffle.shuffle", "the order of the key batch", 1, "step"),
    Meant(QUEUED, "methods.moco.MoCoV2.encode_keys", "the order of the key batch", 1, "step"),
)
# Without float64 the parameters of views are made on the CPU, for which it reads the numbers of the images.
IN_STEPS_WITHOUT_FLOAT64 = (
    Meant(READ, "pairs.views.Views._draw", "the numbers of the images", 1, "step"),
    Meant(QUEUED, "pairs.drawn.moved.<locals>.<lambda>", "the parameters of the views", 9, "step"),
)
ELSEWHERE = {
    "start": (
        Meant(COPY, "encoders.batch_norm.PolicyBatchNorm._apply", "the network"),
        Meant(
            COPY,
            "lightning.SingleDeviceStrategy.model_to_device",
            "the same",
        ),
        Meant(COPY, "callbacks.first_in_first_out.FirstInFirstOut.on_fit_start", "the queue's first keys"),
        Meant(COPY, "callbacks.health.monitor.HealthMonitor.on_fit_start", SMALL),
        Meant(COPY, "callbacks.health.geometry.Geometry.to", SMALL),
        Meant(
            COPY,
            "lightning.has_len_all_ranks",
            "Lightning compares lengths of loaders",
        ),
        Meant(READ, "lightning.has_len_all_ranks", "the same"),
        Meant(COPY, "methods.scheduled.Scheduled.configure_optimizers", "the same, asked for the schedule"),
        Meant(READ, "methods.scheduled.Scheduled.configure_optimizers", "the same"),
    ),
    "evaluation": (
        Meant(
            COPY, "data.sets.tensor_images.TensorImages.on", "validation images and labels, once", 2, "run"
        ),
        Meant(QUEUED, "lightning.DataHooks.transfer_batch_to_device", "batches that a loader read"),
        Meant(COPY, "callbacks.knn.KNNMonitor.on_validation_start", SMALL),
        Meant(SHAPE, "metrics.knn.KNNAccuracy.compute", "the number of classes", 1),
        Meant(READ, "metrics.neighbours.nearest", "whether neighbours tie, for each block of queries"),
        Meant(READ, "callbacks.knn.KNNMonitor.on_validation_epoch_end", "whether all images have labels", 1),
        Meant(QUEUED, "callbacks.knn.KNNMonitor.on_validation_epoch_end", LOGS),
        Meant(READ, "metrics.spectrum.spectrum", "a matrix, whose eigenvalues the CPU computes", 2),
        Meant(COPY, "metrics.spectrum.spectrum", "its eigenvalues", 2),
        Meant(READ, "callbacks.health.geometry.Geometry.end", "the spectrum, for its picture", 1),
        Meant(QUEUED, "callbacks.health.monitor.HealthMonitor._log", LOGS),
        Meant(
            READ,
            "lightning._LoggerConnector.log_metrics",
            "each logged number",
        ),
    ),
    "end of epoch": (
        Meant(
            READ,
            "callbacks.health.monitor.HealthMonitor.on_train_epoch_end",
            "whether there were steps; the loss",
            2,
        ),
        Meant(
            READ, "callbacks.health.collector.EpochCollector.statistics", "how far the last layer moved", 1
        ),
        Meant(COPY, "callbacks.health.collector.moments", SMALL),
        Meant(READ, "callbacks.health.collector.moments.<locals>.<dictcomp>", "what conditions compare", 6),
        Meant(READ, "metrics.spectrum.spectrum", "matrices, whose eigenvalues the CPU computes", 6),
        Meant(COPY, "metrics.spectrum.spectrum", "their eigenvalues", 6),
        Meant(READ, "callbacks.health.geometry.Geometry.end", "the spectrum, for its picture", 1),
        Meant(COPY, "callbacks.health.monitor.HealthMonitor._log", LOGS),
        Meant(QUEUED, "callbacks.health.monitor.HealthMonitor._log", LOGS),
        Meant(COPY, "callbacks.momentum_encoder.MomentumEncoder.on_train_epoch_end", LOGS),
        Meant(QUEUED, "callbacks.momentum_encoder.MomentumEncoder.on_train_epoch_end", LOGS),
        Meant(COPY, "callbacks.negative_queue.NegativeQueue.on_train_epoch_end", LOGS),
        Meant(QUEUED, "callbacks.negative_queue.NegativeQueue.on_train_epoch_end", LOGS),
        Meant(COPY, "callbacks.throughput.Throughput.on_train_epoch_end", LOGS),
        Meant(QUEUED, "callbacks.throughput.Throughput.on_train_epoch_end", LOGS),
        Meant(COPY, "callbacks.finite_guard.FiniteGuard.on_train_epoch_end", LOGS),
        Meant(QUEUED, "callbacks.finite_guard.FiniteGuard.on_train_epoch_end", LOGS),
        Meant(
            READ,
            "lightning._LoggerConnector.log_metrics",
            "each logged number",
        ),
    ),
    "end": (
        Meant(READ, "callbacks.progress.RunProgress._describe", "the last kNN accuracy", 1, "run"),
        Meant(READ, "encoders.batch_norm.PolicyBatchNorm._apply", "the network returns to the CPU"),
        Meant(READ, "lightning.Strategy.teardown", "the same, with the optimizer"),
        Meant(
            READ,
            "lightning._LoggerConnector.teardown",
            "each logged number",
        ),
        Meant(READ, "lightning._ResultMetric.to", "the same"),
    ),
}
EVALUATED_WITHOUT_FLOAT64 = (
    Meant(READ, "pairs.views.Views._draw", "the numbers of the images", 1),
    Meant(QUEUED, "pairs.drawn.moved.<locals>.<lambda>", "the parameters of the views", 9),
)


def meant_in(phase: str, has_float64: bool) -> tuple[Meant, ...]:
    """What is meant in a phase of a run."""
    if phase == "steps":
        return (*IN_STEPS, *SHUFFLED, *(() if has_float64 else IN_STEPS_WITHOUT_FLOAT64))
    more = EVALUATED_WITHOUT_FLOAT64 if phase == "evaluation" and not has_float64 else ()
    return (*ELSEWHERE[phase], *more)


def events_meant(has_float64: bool) -> set[Event]:
    """All of them, as the device knows them."""
    phases = ("steps", *ELSEWHERE)
    return {Event(m.kind, phase, m.place) for phase in phases for m in meant_in(phase, has_float64)}
