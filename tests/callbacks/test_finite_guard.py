"""A step with NaN or infinity changes nothing, on any process: it ends the run, or is skipped and counted."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any
from unittest import mock

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from cl_lightning.callbacks import FiniteGuard, MomentumEncoder
from cl_lightning.callbacks.first_in_first_out import FirstInFirstOut
from cl_lightning.callbacks.non_finite import NonFiniteError
from cl_lightning.callbacks.support_set import SupportSet
from cl_lightning.commands.messages import explain
from cl_lightning.distributed import rank, world_size
from tests import small
from tests.precision.skipping import fused_sgd
from tests.precision.trained import fp16
from tests.processes import run_on

MICRO_BATCHES = 8  # of a run, in two epochs
adamw = partial(torch.optim.AdamW, lr=1e-2)

# What a message says of where it began.
SAID = {
    "views": "in the views that were made",
    "embeddings": "in the embeddings of finite views",
    "loss": "in the loss of finite embeddings",
    "gradient": "in the gradients while the loss is finite",
    "exchanged gradient": "in the gradients while the loss is finite",
}


class Poison(Callback):
    """Makes one stage of chosen micro-batches NaN or infinite on one process."""

    def __init__(self, stage: str, batches: tuple[int, ...], on_rank: int) -> None:
        self.stage, self.batches, self.on_rank, self.batch = stage, batches, on_rank, -1

    @property
    def now(self) -> bool:
        return self.batch in self.batches and rank() == self.on_rank

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        step = pl_module.training_step

        def views(both: tuple[Tensor, Tensor]) -> None:
            if self.now and self.stage == "views":
                both[1][-1, 0, 0, 0] = math.nan  # of one image; in MoCo the key encoder's alone

        def training_step(*args: Any) -> Any:
            outputs = step(*args)
            factor = math.inf if self.now and self.stage == "loss" else 1.0
            return outputs | {"loss": outputs["loss"] * factor}

        def embeddings(module: Any, inputs: Any, z: Tensor) -> Tensor:
            return z * math.inf if self.now and self.stage == "embeddings" and module.training else z

        def gradient(g: Tensor) -> Tensor:
            return g * math.inf if self.now and self.stage == "gradient" else g

        pl_module.register_views_hook(views)
        pl_module.training_step = training_step
        if self.stage == "embeddings":
            pl_module.encoder.projector.register_forward_hook(embeddings)
        if self.stage == "gradient":
            next(pl_module.encoder.parameters()).register_hook(gradient)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.batch += 1

    def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
        if self.now and self.stage == "exchanged gradient":
            next(pl_module.encoder.parameters()).grad.fill_(-math.inf)


def held(trainer: Any, method: Any) -> dict[str, list[Tensor]]:
    """Copies of all that an optimizer step changes, statistics of the forwards apart."""
    states = trainer.optimizers[0].state.values()
    found = {
        "weights": list(method.parameters()),
        "optimizer": [v for state in states for v in state.values() if isinstance(v, Tensor)],
        "statistics": list(method.buffers()),
    }
    for callback in trainer.callbacks:
        if isinstance(callback, MomentumEncoder):
            found["key encoder"] = [*callback.encoder.parameters(), *callback._average]
            found["statistics"] += list(callback.encoder.buffers())
        if isinstance(callback, FirstInFirstOut):
            places = [callback.pointer, callback.enqueued, callback.steps]
            found["queue"] = [callback.keys, callback.entered, torch.tensor(places)]
    return {name: [t.detach().clone() for t in tensors] for name, tensors in found.items()}


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class Held(Callback):
    """What each optimizer step changed, and what was there before the last one."""

    def __init__(self) -> None:
        self.changes: dict[str, str] = {}

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self.before = held(trainer, pl_module)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
        if (args[-1] + 1) % trainer.accumulate_grad_batches:
            return
        for name, tensors in held(trainer, pl_module).items():
            changed = "." if same(tensors, self.before[name]) else "x"
            self.changes[name] = self.changes.get(name, "") + changed


@dataclass(frozen=True)
class Case:
    """A run whose micro-batches `batches` are not finite at `stage` on process `on_rank`."""

    stage: str
    batches: tuple[int, ...] = (5,)
    on_rank: int = 0
    method: str = "moco"
    max_skipped: int = 0
    optimizer: Any = small.sgd
    scaled: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ended:
    """How it ended on one process."""

    error: str | None
    changes: dict[str, str]
    unchanged: set[str]  # by the step that failed
    skipped: int
    warned: list[str]
    steps: int
    scale: float


def ended(case: Case) -> Ended:
    """`case` on all processes of this group."""
    poison, record, guard = (
        Poison(case.stage, case.batches, case.on_rank),
        Held(),
        FiniteGuard(case.max_skipped),
    )
    method = getattr(small, case.method)(optimizer=case.optimizer)
    method.default_callbacks = [guard]
    own = {"moco": small.moco_callbacks(length=64), "nnclr": [SupportSet(64)]}.get(case.method, [])
    settings: dict[str, Any] = {"max_epochs": 2, "devices": world_size(), **case.settings}
    settings |= {"strategy": "ddp"} if world_size() > 1 else {}
    settings |= {"plugins": [fp16("cpu")]} if case.scaled else {}
    trainer = small.trainer(poison, *own, record, **settings)
    error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            trainer.fit(method, datamodule=small.data())
        except NonFiniteError as found:
            error = str(found)
    now = held(trainer, method)
    return Ended(
        error,
        record.changes,
        {name for name in now if same(now[name], record.before[name])},
        guard.skipped,
        [str(w.message) for w in caught if "finite_guard" in str(w.message)],
        trainer.global_step,
        trainer.precision_plugin.scaler.get_scale() if case.scaled else 1.0,
    )


def all_ended(cases: list[Case]) -> list[Ended]:
    return [ended(case) for case in cases]


STATE = {"weights", "optimizer", "key encoder", "queue"}
OF_TWO = {
    **{stage: Case(stage, on_rank=1) for stage in SAID},
    "SimCLR": Case("views", on_rank=1, method="simclr"),
    "accumulated": Case("loss", batches=(2,), on_rank=1, settings={"accumulate_grad_batches": 2}),
    "skipped": Case("views", batches=(1, 2, 6), on_rank=1, max_skipped=3),
    "skipped gradients": Case("gradient", batches=(0, 4), on_rank=1, max_skipped=2),
    "one too many": Case("embeddings", batches=(1, 4, 6), on_rank=1, max_skipped=2),
}


@cache
def two_processes() -> dict[str, list[Ended]]:
    """Of each case how it ended on both."""
    on_ranks = run_on(2, all_ended, list(OF_TWO.values()), timeout=240)
    return dict(zip(OF_TWO, map(list, zip(*on_ranks, strict=True)), strict=True))


@pytest.mark.parametrize("stage", SAID)
def test_one_rank_stops_both_at_the_same_step_and_is_named(stage: str) -> None:
    both = two_processes()[stage]
    assert both[0].error == both[1].error
    assert both[0].error.startswith("epoch 2, optimizer step 6: NaN or infinity on rank 1 of 2, first ")
    assert SAID[stage] in both[0].error


@pytest.mark.parametrize("name", [*SAID, "SimCLR"])
def test_what_stops_both_changes_nothing_on_either(name: str) -> None:
    for one in two_processes()[name]:
        assert one.unchanged >= STATE & one.changes.keys()
        assert set(one.changes["weights"]) == {"x"}
        assert len(one.changes["weights"]) == one.steps == 5


def test_loss_of_an_earlier_micro_batch_of_one_rank_stops_both() -> None:
    for one in two_processes()["accumulated"]:
        assert one.error.startswith(
            "epoch 1, optimizer step 2: NaN or infinity on rank 1 of 2, first in the loss"
        )
        assert one.unchanged >= STATE
        assert one.changes["weights"] == "x"


@pytest.mark.parametrize(("name", "changes"), [("skipped", "x..xxx.x"), ("skipped gradients", ".xxx.xxx")])
def test_both_ranks_leave_out_the_same_steps(name: str, changes: str) -> None:
    for one in two_processes()[name]:
        assert one.error is None
        assert one.changes == dict.fromkeys([*STATE, "statistics"], changes)
        assert one.skipped == changes.count(".")
        assert one.steps == len(changes)


def test_one_step_more_than_may_be_skipped_stops_both() -> None:
    for one in two_processes()["one too many"]:
        assert one.changes["weights"] == "x.xx.x"
        assert "max_skipped is 2, and 2 were skipped" in one.error
        assert one.skipped == 2
        assert one.unchanged >= STATE


@pytest.mark.parametrize("stage", SAID)
def test_one_process_stops_before_anything_changes(stage: str) -> None:
    one = ended(Case(stage, optimizer=adamw))
    assert one.error.startswith("epoch 2, optimizer step 6: NaN or infinity on rank 0 of 1, first ")
    assert SAID[stage] in one.error
    assert one.unchanged >= STATE


@pytest.mark.parametrize(
    ("stage", "optimizer"),
    [*((stage, small.sgd) for stage in SAID), ("views", adamw), ("gradient", fused_sgd)],
    ids=[*SAID, "adamw", "fused"],
)
def test_a_skipped_step_changes_nothing_and_is_told(stage: str, optimizer: Any) -> None:
    settings = {"gradient_clip_val": 1.0}
    one = ended(Case(stage, (0, 3, 4), max_skipped=3, optimizer=optimizer, settings=settings))
    assert one.error is None
    assert one.changes == dict.fromkeys([*STATE, "statistics"], ".xx..xxx")
    assert len(one.warned) == 3
    assert one.warned[1].startswith("epoch 1, optimizer step 4: NaN or infinity on rank 0 of 1")
    assert one.warned[1].endswith("The step is skipped, 2 of callbacks.finite_guard.max_skipped=3")


def test_a_skipped_step_changes_no_support_set() -> None:
    one = ended(Case("views", (0, 3, 4), max_skipped=3, method="nnclr"))
    assert one.error is None
    assert one.changes == dict.fromkeys(["weights", "optimizer", "queue", "statistics"], ".xx..xxx")


def test_an_accumulation_with_one_bad_micro_batch_is_skipped_as_a_whole() -> None:
    case = Case("views", (2,), max_skipped=1, settings={"accumulate_grad_batches": 2})
    assert ended(case).changes == dict.fromkeys([*STATE, "statistics"], "x.xx")


@pytest.mark.parametrize("optimizer", [small.sgd, fused_sgd], ids=["sgd", "fused"])
def test_gradients_are_left_to_the_scaler(optimizer: Any) -> None:
    one = ended(Case("gradient", (1, 4), optimizer=optimizer, scaled=True))
    assert one.error is None
    assert one.skipped == 0
    assert {one.changes[name] for name in STATE} == {"x.xx.xxx"}
    assert one.changes["statistics"] == "xxxxxxxx"


def test_a_loss_stops_under_a_scaler_too() -> None:
    one = ended(Case("loss", scaled=True))
    assert one.error.startswith(
        "epoch 2, optimizer step 6: NaN or infinity on rank 0 of 1, first in the loss"
    )
    assert one.unchanged >= STATE


@pytest.mark.parametrize("optimizer", [small.sgd, fused_sgd], ids=["sgd", "fused"])
def test_a_loss_is_skipped_under_a_scaler_too(optimizer: Any) -> None:
    one = ended(Case("loss", (2, 5), max_skipped=2, optimizer=optimizer, scaled=True))
    assert one.error is None
    assert one.changes == dict.fromkeys([*STATE, "statistics"], "xx.xx.xx")
    assert one.scale == 1024 / 4


@pytest.mark.parametrize(
    ("name", "accumulated", "max_skipped"), [("simclr", 1, 0), ("moco", 1, 1), ("moco", 2, 0)]
)
def test_a_finite_run_is_the_run_without_a_guard(name: str, accumulated: int, max_skipped: int) -> None:
    ends = []
    for guards in ([], [FiniteGuard(max_skipped)]):
        method = getattr(small, name)()
        method.default_callbacks = guards
        own = small.moco_callbacks() if name == "moco" else []
        trainer = small.trainer(*own, max_epochs=2, accumulate_grad_batches=accumulated)
        trainer.fit(method, datamodule=small.data())
        ends.append(held(trainer, method))
    assert ends[0].keys() == ends[1].keys()
    for part in ends[0]:
        assert same(ends[0][part], ends[1][part]), part


READS = ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__")


class Reads:
    """Counts what makes the host wait for a device."""

    def __init__(self) -> None:
        self.count = 0

    def counted(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            self.count += 1
            return read(*args, **named)

        return call

    def within(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            with mock.patch.multiple(Tensor, **{n: self.counted(getattr(Tensor, n)) for n in READS}):
                return function(*args, **named)

        return call


@pytest.mark.parametrize(("accumulated", "max_skipped"), [(1, 0), (2, 1)])
def test_the_host_reads_once_for_each_optimizer_step(accumulated: int, max_skipped: int) -> None:
    reads, guard = Reads(), FiniteGuard(max_skipped)
    for name in [n for n in dir(guard) if n.startswith(("on_", "_see"))]:
        setattr(guard, name, reads.within(getattr(guard, name)))
    method = small.moco()
    method.default_callbacks = [guard]
    trainer = small.trainer(*small.moco_callbacks(), accumulate_grad_batches=accumulated, max_epochs=2)
    trainer.fit(method, datamodule=small.data())
    assert reads.count == trainer.global_step == MICRO_BATCHES // accumulated


def fit(tmp_path: Any, poison: Poison, guard: FiniteGuard, **settings: Any) -> Any:
    method = small.moco()
    method.default_callbacks = [guard]
    saving = ModelCheckpoint(tmp_path, filename="last", every_n_train_steps=2, enable_version_counter=False)
    trainer = small.trainer(
        *small.moco_callbacks(length=64), poison, saving, enable_checkpointing=True, max_epochs=2
    )
    trainer.fit(method, datamodule=small.data(), weights_only=True, **settings)
    return trainer


def test_the_last_checkpoint_stays_as_it_was(tmp_path: Any) -> None:
    before: list[bytes] = []

    class Read(Poison):
        def on_before_backward(self, *args: Any) -> None:
            if self.now:
                before.append((tmp_path / "last.ckpt").read_bytes())

    with pytest.raises(NonFiniteError, match="optimizer step 6"):
        fit(tmp_path, Read("loss", (5,), 0), FiniteGuard())
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
    assert [(tmp_path / "last.ckpt").read_bytes()] == before
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 4
    assert all(v.isfinite().all() for v in saved["state_dict"].values())


@pytest.mark.filterwarnings("ignore:Checkpoint directory")
def test_a_resumed_run_goes_on_counting_what_it_skipped(tmp_path: Any) -> None:
    with pytest.warns(UserWarning, match="skipped, 1 of"), pytest.raises(NonFiniteError):
        # The second one ends the run as a crash would: after the checkpoint of step 4.
        fit(tmp_path, Poison("views", (1, 4), 0), FiniteGuard(max_skipped=1))
    guard = FiniteGuard(max_skipped=2)
    with pytest.warns(UserWarning, match="optimizer step 6.* skipped, 2 of"):
        fit(tmp_path, Poison("views", (1,), 0), guard, ckpt_path=tmp_path / "last.ckpt")
    assert guard.skipped == 2


def test_a_second_fit_counts_anew() -> None:
    method, guard, poison = small.simclr(), FiniteGuard(max_skipped=1), Poison("views", (0, 5), 0)
    method.default_callbacks = [guard]
    for _ in range(2):
        with pytest.warns(UserWarning, match="skipped, 1 of"):
            small.trainer(poison).fit(method, datamodule=small.data())
    assert guard.skipped == 1


@pytest.mark.parametrize("stops", [False, True])
def test_nothing_is_left_at_the_method(stops: bool) -> None:
    method, guard = small.moco(), FiniteGuard()
    method.default_callbacks = [guard]
    if stops:
        method.loss = lambda *args: sum(a.sum() for a in args) * math.nan
    trainer = small.trainer(*small.moco_callbacks())
    if stops:
        with pytest.raises(NonFiniteError):
            trainer.fit(method, datamodule=small.data())
    else:
        trainer.fit(method, datamodule=small.data())
    keys = method.attached(MomentumEncoder).encoder
    assert not method.encoder._forward_hooks
    assert not keys._forward_hooks
    assert not method._views_hooks


def test_skipped_steps_are_logged_where_any_may_be() -> None:
    logged = []
    for max_skipped in (0, 2):
        poison = Poison("loss", (1, 2) if max_skipped else (), 0)
        method = small.simclr()
        method.default_callbacks = [FiniteGuard(max_skipped)]
        trainer = small.trainer(poison)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*max_skipped")
            trainer.fit(method, datamodule=small.data())
        logged.append(trainer.logged_metrics.get("train/skipped_steps"))
    assert logged == [None, 2.0]


def test_the_command_tells_it_in_one_line() -> None:
    method = small.simclr()
    method.loss = lambda z_a, z_b: (z_a * z_b).sum() * math.inf
    with pytest.raises(NonFiniteError) as found:
        small.trainer().fit(method, datamodule=small.data())
    line = explain(found.value)
    assert line is not None
    assert "\n" not in line
    assert line.startswith("epoch 1, optimizer step 1: NaN or infinity on rank 0 of 1, first in the loss")
    assert "loss.temperature" in line
    assert "callbacks.finite_guard.max_skipped is 0" in line


def test_a_limit_below_0_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"callbacks.finite_guard.max_skipped is -1; accepted: a whole number"
    ):
        FiniteGuard(max_skipped=-1)
