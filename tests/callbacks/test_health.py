"""HealthMonitor: the numbers are those of the steps, and cost the step no waiting."""

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger
from torch.utils._python_dispatch import TorchDispatchMode

from cl_lightning.callbacks import HealthMonitor, KNNMonitor
from cl_lightning.plots.curves import read_curves
from tests import small
from tests.metrics import oracle

SCORES = ("loss", "contrastive_top1", "positive_similarity", "negative_similarity")
MOMENTS = ("embedding_std", "effective_rank", "largest_share", "directions_90")


class Steps(Callback):
    """What the training steps gave, as they gave it."""

    def __init__(self, method: Any) -> None:
        self.outputs: list[dict[str, Any]] = []
        step = method.training_step

        def recorded(batch: Any, batch_idx: int) -> Any:
            outputs = step(batch, batch_idx)
            kept = {name: value.detach().clone() for name, value in outputs.items()}
            self.outputs.append(kept if "contrastive_top1" in kept else kept | of_views(kept))
            return outputs

        method.training_step = recorded


def of_views(outputs: dict[str, Any]) -> dict[str, float]:
    return oracle.contrast(outputs["z_a"], outputs["z_b"], None)


class HostReads(TorchDispatchMode):
    """Counts the operations that make the host wait for the device."""

    WAITING = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "unique2", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func.overloadpacket.__name__.split(".")[-1] in self.WAITING
        return func(*args, **(kwargs or {}))


def fit(tmp_path: Any, method: Any, *callbacks: Any, **settings: Any) -> tuple[Steps, Any]:
    steps = Steps(method)
    logger = CSVLogger(tmp_path, name="", version="")
    trainer = small.trainer(*callbacks, logger=logger, **({"log_every_n_steps": 1} | settings))
    trainer.fit(method, datamodule=small.data())
    return steps, read_curves(tmp_path / "metrics.csv")


@pytest.mark.parametrize("accumulated", [1, 2])
def test_epoch_means_are_the_means_of_the_steps(tmp_path: Any, accumulated: int) -> None:
    settings = {"accumulate_grad_batches": accumulated, "max_epochs": 2}
    steps, curves = fit(tmp_path, small.simclr(), **settings)
    assert len(steps.outputs) == 8
    for name in SCORES:
        expected = [sum(float(o[name]) for o in steps.outputs[i : i + 4]) / 4 for i in (0, 4)]
        assert curves[f"train/{name}"][1] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    last = steps.outputs[4:]
    alignment = oracle.alignment(torch.cat([o["z_a"] for o in last]), torch.cat([o["z_b"] for o in last]))
    assert curves["train/alignment"][1][1] == pytest.approx(alignment, rel=1e-4)
    expected = oracle.moments(torch.cat([o["z_a"] for o in last]))
    for name in MOMENTS:
        assert curves[f"train/{name}"][1][1] == pytest.approx(expected[name], rel=1e-3), name
    uniformity = oracle.uniformity(torch.cat([o["z_a"] for o in last]))
    assert curves["train/uniformity"][1][1] == pytest.approx(uniformity, rel=1e-4)


def test_uniformity_is_of_the_last_whole_batches_that_hold_enough_rows(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{HealthMonitor.__module__}.UNIFORMITY_ROWS", 20)
    steps, curves = fit(tmp_path, small.simclr(), max_epochs=2)
    for epoch, end in enumerate((4, 8)):
        expected = oracle.uniformity(torch.cat([o["z_a"] for o in steps.outputs[end - 2 : end]]))
        assert curves["train/uniformity"][1][epoch] == pytest.approx(expected, rel=1e-4)


def test_a_moco_run_logs_the_same_scores(tmp_path: Any) -> None:
    steps, curves = fit(tmp_path, small.moco(), *small.moco_callbacks())
    for name in SCORES:
        expected = sum(float(o[name]) for o in steps.outputs) / 4
        assert curves[f"train/{name}"][1] == pytest.approx([expected], rel=1e-5, abs=1e-6)


def test_validation_embeddings_are_measured_apart_from_training(tmp_path: Any) -> None:
    method, seen = small.simclr(), []
    step = method.validation_step

    def recorded(batch: Any, batch_idx: int, dataloader_idx: int = 0) -> Any:
        outputs = step(batch, batch_idx, dataloader_idx)
        seen.extend([outputs] if "z_a" in outputs else [])
        return outputs

    method.validation_step = recorded
    _, curves = fit(tmp_path, method, KNNMonitor(k=5), limit_val_batches=1.0)
    z_a, z_b = (torch.cat([o[name] for o in seen]) for name in ("z_a", "z_b"))
    assert len(z_a) == 32
    assert curves["val/alignment"][1] == pytest.approx([oracle.alignment(z_a, z_b)], rel=1e-4)
    assert curves["val/uniformity"][1] == pytest.approx([oracle.uniformity(z_a)], rel=1e-4)
    expected = oracle.moments(z_a)
    for name in MOMENTS:
        assert curves[f"val/{name}"][1] == pytest.approx([expected[name]], rel=1e-3), name


def test_a_step_loss_is_of_the_last_micro_batch_every_so_many_optimizer_steps(tmp_path: Any) -> None:
    settings = {"accumulate_grad_batches": 2, "max_epochs": 2, "log_every_n_steps": 2}
    steps, curves = fit(tmp_path, small.simclr(), **settings)
    rows, values = curves["step/loss"]
    # Of optimizer steps 2 and 4, counted from 0 as Lightning counts those of its own rows.
    assert rows == [1, 3] == curves["train/loss"][0]
    assert values == pytest.approx([float(steps.outputs[i]["loss"]) for i in (3, 7)], rel=1e-6)


def test_no_interval_means_no_step_losses(tmp_path: Any) -> None:
    _, curves = fit(tmp_path, small.simclr(), log_every_n_steps=0)
    assert "step/loss" not in curves


@pytest.mark.parametrize(("every", "reads"), [(0, 0), (100, 0), (2, 2)])
@pytest.mark.parametrize("method", ["simclr", "moco"])
def test_the_host_waits_for_the_device_only_to_log_a_step(
    tmp_path: Any, method: str, every: int, reads: int
) -> None:
    host = HostReads()

    class Counted(HealthMonitor):
        def on_train_batch_end(self, *args: Any) -> None:
            with host:
                super().on_train_batch_end(*args)

    callbacks = small.moco_callbacks() if method == "moco" else []
    fit(tmp_path, getattr(small, method)(), Counted(), *callbacks, log_every_n_steps=every)
    assert host.count == reads


def test_counting_host_reads_finds_one() -> None:
    with HostReads() as host:
        bool(torch.rand(()) > 2)
        float(torch.rand(()))
    assert host.count == 2
