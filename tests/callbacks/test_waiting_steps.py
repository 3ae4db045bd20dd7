"""Steps wait, and are added together: none is lost, whatever their shapes, and each costs next to nothing."""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cl_lightning.callbacks import HealthMonitor
from cl_lightning.callbacks.health import waiting
from cl_lightning.methods import SimCLR
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views
from tests import small
from tests.metrics import oracle

SCORES = ("contrastive_top1", "positive_similarity", "negative_similarity")


class Own(SimCLR):
    """Gives what `kept` says of each step's embeddings, and remembers it."""

    kept: Any

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        step = self.kept(super().training_step(batch, batch_idx), batch_idx)
        self.seen = [
            *getattr(self, "seen", []),
            {name: value.detach().clone() for name, value in step.items()},
        ]
        return step


def fitted(kept: Any) -> tuple[list[dict[str, torch.Tensor]], dict[str, float]]:
    """The steps of an epoch, and what is logged of it."""
    schedule = WarmupCosine(lr_scaling="none")
    method = type("Own", (Own,), {"kept": staticmethod(kept)})(
        moco_v2_views(small.SIZE), small.encoder(), optimizer=small.sgd, schedule=schedule
    )
    trainer = small.trainer()
    trainer.fit(method, small.data())
    return method.seen, {name: value.item() for name, value in trainer.callback_metrics.items()}


@pytest.mark.parametrize("rows", [1, 40, 1024])
def test_how_many_steps_wait_changes_no_value(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = fitted(lambda step, i: step)[1]
    monkeypatch.setattr(waiting, "ROWS", rows)
    assert fitted(lambda step, i: step)[1] == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_steps_of_changing_sizes_all_count() -> None:
    def cut(step: Any, i: int) -> Any:
        return step | {name: step[name][: 8 + i] for name in ("z_a", "z_b")}

    steps, logged = fitted(cut)
    assert [len(step["z_a"]) for step in steps] == [8, 9, 10, 11]
    of_views = [oracle.contrast(step["z_a"], step["z_b"], None) for step in steps]
    for name in SCORES:
        assert logged[f"train/{name}"] == pytest.approx(sum(s[name] for s in of_views) / 4, abs=1e-5)
    z_a, z_b = (torch.cat([step[name] for step in steps]) for name in ("z_a", "z_b"))
    assert logged["train/alignment"] == pytest.approx(oracle.alignment(z_a, z_b), rel=1e-4)


def test_scores_that_a_step_gives_itself_are_logged() -> None:
    own = dict.fromkeys(SCORES, torch.tensor(0.25))
    steps, logged = fitted(lambda step, i: step | own)
    assert {logged[f"train/{name}"] for name in SCORES} == {0.25}
    assert logged["train/loss"] == pytest.approx(sum(step["loss"].item() for step in steps) / 4)


def test_a_step_only_keeps_what_is_measured() -> None:
    class Operations(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.names: list[str] = []

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.names.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    class Counted(HealthMonitor):
        def on_train_batch_end(self, *args: Any) -> None:
            with operations:
                super().on_train_batch_end(*args)

    operations = Operations()
    small.trainer(Counted()).fit(small.simclr(), small.data())
    assert operations.names.count("mul") == 4  # the loss of each step
    assert set(operations.names) == {"mul", "detach"}
