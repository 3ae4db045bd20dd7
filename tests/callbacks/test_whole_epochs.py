"""No StopIteration ends an epoch, an evaluation or a run; a run without a step is an error."""

from pathlib import Path
from traceback import walk_tb
from typing import Any

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import StochasticWeightAveraging
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor

from cl_lightning.callbacks import KNNMonitor, LastCheckpoint
from cl_lightning.callbacks.history import MetricsHistory
from cl_lightning.losses import nt_xent
from cl_lightning.methods import SimCLR
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views
from tests import small


class Stops(Callback):
    """Raises StopIteration in one hook, when it is called for the n-th time."""

    def __init__(self, hook: str, call: int) -> None:
        self.left = call
        setattr(self, hook, self.stop)

    def stop(self, *given: Any) -> None:
        self.left -= 1
        if not self.left:
            next(iter(()))


class StoppingViews:
    """Views that raise StopIteration in a step."""

    size = small.SIZE

    def __call__(self, images: Tensor, index: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        return moco_v2_views(small.SIZE)(images, index, epoch) if epoch == 0 else next(iter(()))


class StoppingLoss:
    """A loss that raises StopIteration in its third step."""

    steps = 0

    def __call__(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        self.steps += 1
        return nt_xent(z_a, z_b, temperature=0.5) if self.steps < 3 else next(iter(()))


class OwnSteps(SimCLR):
    """A method of a user's, in whose steps an iterator is empty."""

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        return super().training_step(batch, batch_idx) if batch_idx == 0 else next(iter(()))


class OwnHooks(SimCLR):
    """A method of a user's with hooks of its own, which do not call ours."""

    hook = "on_train_batch_end"

    def on_train_batch_end(self, *given: Any) -> None:
        if self.hook == "on_train_batch_end":
            next(iter(()))

    def on_train_epoch_end(self) -> None:
        if self.hook == "on_train_epoch_end":
            next(iter(()))

    def on_train_end(self) -> None: ...

    def on_validation_epoch_end(self) -> None: ...


HOOKS = [
    ("on_train_batch_start", 2),
    ("on_before_optimizer_step", 2),
    ("on_before_zero_grad", 2),
    ("on_train_batch_end", 1),
    ("on_train_batch_end", 4),  # the last of the epoch
    ("on_train_epoch_start", 2),
    ("on_train_epoch_end", 1),
    ("on_train_epoch_end", 2),  # the last of the run
    ("on_validation_start", 1),
    ("on_validation_batch_start", 4),
    ("on_validation_batch_end", 3),
    ("on_validation_epoch_end", 1),
    ("on_validation_end", 2),
]


@pytest.mark.parametrize(("hook", "call"), HOOKS)
def test_a_stop_iteration_of_a_callback_is_an_error_that_names_it_and_nothing_is_saved_after_it(
    hook: str, call: int, tmp_path: Path
) -> None:
    callbacks = [KNNMonitor(k=4), LastCheckpoint(tmp_path, every_n_epochs=9), Stops(hook, call)]
    trainer = small.trainer(*callbacks, enable_checkpointing=True, max_epochs=2, limit_val_batches=1.0)
    with pytest.raises(ValueError, match=r"test_whole_epochs\.Stops.* raised StopIteration"):
        trainer.fit(small.simclr(), small.data())
    assert not list(tmp_path.iterdir())


def own(kind: type[SimCLR], **attributes: Any) -> SimCLR:
    method = kind(moco_v2_views(small.SIZE), small.encoder(), optimizer=small.sgd, schedule=WarmupCosine())
    for name, value in attributes.items():
        setattr(method, name, value)
    return method


@pytest.mark.parametrize(
    ("method", "where"),
    [
        (lambda: small.simclr(loss=StoppingLoss()), "SimCLR.training_step"),
        (lambda: own(SimCLR, views=StoppingViews()), "SimCLR.training_step"),
        (lambda: own(OwnSteps), "OwnSteps.training_step"),
    ],
    ids=["loss", "views", "a step of one's own"],
)
def test_a_stop_iteration_in_a_step_is_an_error_that_shows_where(method: Any, where: str) -> None:
    with pytest.raises(RuntimeError, match=f"{where} raised StopIteration") as error:
        small.trainer(max_epochs=2).fit(method(), small.data())
    cause = error.value.__cause__
    assert isinstance(cause, StopIteration)
    assert [frame.f_code.co_filename for frame, _ in walk_tb(cause.__traceback__)][-1] == __file__


def test_a_stop_iteration_in_a_step_of_an_evaluation_is_an_error() -> None:
    method = own(SimCLR)
    method.encoder.backbone.forward = lambda images: next(iter(()))  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="validation_step raised StopIteration"):
        small.trainer(KNNMonitor(k=4), limit_val_batches=1.0).validate(method, small.data())


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_train_epoch_end"])
def test_hooks_of_a_method_of_ones_own_are_watched_too(hook: str) -> None:
    with pytest.raises(ValueError, match="the method raised StopIteration"):
        small.trainer(max_epochs=2).fit(own(OwnHooks, hook=hook), small.data())


class SkippingMethod(SimCLR):
    after = 2

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        return -1 if batch_idx >= self.after else None


def test_lightnings_own_ways_to_end_an_epoch_or_a_run_stay() -> None:
    class Enough(Callback):
        def on_train_batch_end(self, trainer: Any, *given: Any) -> None:
            trainer.should_stop = trainer.global_step == 3

    for trainer, method, steps in [
        (small.trainer(Enough(), max_epochs=4), small.simclr(), 3),
        (small.trainer(max_epochs=4, max_steps=5), small.simclr(), 5),
        (small.trainer(max_epochs=-1, max_steps=5), small.simclr(), 5),
        (small.trainer(max_epochs=2), own(SkippingMethod), 4),
    ]:
        trainer.fit(method, small.data())
        assert trainer.global_step == steps


@pytest.mark.filterwarnings("ignore:SWA is currently only supported every epoch")
def test_averaged_weights_have_their_epoch_more() -> None:
    """StochasticWeightAveraging asks for a batch more than there is in its last epoch, to skip backward."""
    trainer = small.trainer(StochasticWeightAveraging(1e-2, swa_epoch_start=1), max_epochs=3)
    trainer.fit(small.simclr(), small.data())
    assert trainer.current_epoch == 4


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("epochs", [0, 1])
def test_a_fit_without_a_step_is_an_error(epochs: int) -> None:
    with pytest.raises(ValueError, match="without an optimizer step"):
        small.trainer(max_epochs=epochs).fit(own(SkippingMethod, after=0), small.data())


def test_a_fit_of_a_run_that_is_through_trains_nothing_more_and_is_no_error(tmp_path: Path) -> None:
    for _ in range(2):
        trainer = small.trainer(
            LastCheckpoint(tmp_path), enable_checkpointing=True, max_epochs=2, max_steps=6
        )
        file = tmp_path / "last.ckpt"
        trainer.fit(
            small.simclr(), small.data(), ckpt_path=file if file.is_file() else None, weights_only=True
        )
        assert trainer.global_step == 6


def test_an_empty_metrics_file_does_not_end_a_resumed_run(tmp_path: Path) -> None:
    restored = MetricsHistory()
    restored._restored = {"latest": {}, "row": {}, "step": 3, "files": [""]}
    trainer = small.trainer(restored, logger=CSVLogger(tmp_path, "", ""), log_every_n_steps=1)
    trainer.fit(small.simclr(), small.data())
    assert trainer.global_step == 4
