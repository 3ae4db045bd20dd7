"""A fit that goes on from a checkpoint has the settings of the fit that wrote it, or is refused."""

import copy
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer

from cl_lightning import SimCLR
from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks import KNNMonitor
from cl_lightning.losses import nt_xent
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views
from tests import small

SGD, ADAMW = torch.optim.SGD, torch.optim.AdamW


class Case:
    """What a fit is given, by the way that `small` names it."""

    def __init__(
        self, kind: str = "simclr", callbacks: Callable[[], Any] | None = None, **given: Any
    ) -> None:
        self.kind, self.given = kind, given
        self.callbacks = callbacks or (small.moco_callbacks if kind == "moco" else list)

    def fit(self, resume: Path | None = None, **more: Any) -> Trainer:
        data = {
            name: self.given[name] for name in ("batch_size", "seed", "num_workers") if name in self.given
        }
        trainer = {n: v for n, v in self.given.items() if n in TRAINER}
        method = {n: v for n, v in self.given.items() if n not in data and n not in trainer}
        if "encoder" in method:
            method["encoder"] = copy.deepcopy(method["encoder"])
        ended = small.trainer(*self.callbacks(), **({"max_epochs": 1} | trainer | more))
        ended.fit(KINDS[self.kind](**method), small.data(**data), ckpt_path=resume, weights_only=True)
        return ended


TRAINER = (
    *("precision", "accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm"),
    *("limit_train_batches", "max_epochs", "limit_val_batches", "devices"),
)


def simclr(temperature: float = 0.1, size: int = small.SIZE, views: Any = None, **given: Any) -> SimCLR:
    given = {
        "encoder": small.encoder(),
        "optimizer": small.sgd,
        "loss": partial(nt_xent, temperature=temperature),
    } | given
    schedule = given.pop("schedule", WarmupCosine(lr_scaling="none"))
    return SimCLR(views=views or moco_v2_views(size), schedule=schedule, **given)


KINDS = {"simclr": simclr, "moco": small.moco}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Path]:
    """The checkpoint of a case's first epoch; each once."""
    folder, made = tmp_path_factory.mktemp("begun"), {}

    def checkpoint(case: Case) -> Path:
        key = (case.kind, repr(sorted(case.given.items(), key=lambda item: item[0])))
        if key not in made:
            made[key] = folder / f"{len(made)}.ckpt"
            case.fit().save_checkpoint(made[key])
        return made[key]

    return checkpoint


PLAIN, MOCO = Case(), Case("moco")
OTHERS: list[tuple[str, Case, Case, list[str]]] = [
    (
        "rate",
        PLAIN,
        Case(optimizer=partial(SGD, lr=0.01, momentum=0.9, weight_decay=1e-4)),
        ["optimizer.lr: then 0.1, now 0.01"],
    ),
    (
        "momentum",
        PLAIN,
        Case(optimizer=partial(SGD, lr=0.1, weight_decay=1e-4)),
        ["optimizer.momentum: then 0.9, now 0"],
    ),
    ("optimizer", PLAIN, Case(optimizer=partial(ADAMW, lr=0.1)), ["optimizer: then SGD(", "now AdamW("]),
    (
        "schedule",
        PLAIN,
        Case(schedule=WarmupCosine(1.0, lr_scaling="none"), max_epochs=3),
        ["schedule.warmup_epochs: then 0.0, now 1.0"],
    ),
    ("batch", PLAIN, Case(batch_size=8), ["data.batch_size: then 16, now 8"]),
    ("order", PLAIN, Case(seed=5), ["data.seed: then 0, now 5"]),
    (
        "accumulation",
        PLAIN,
        Case(accumulate_grad_batches=2),
        ["trainer.accumulate_grad_batches: then 1, now 2"],
    ),
    (
        "precision",
        PLAIN,
        Case(precision="bf16-mixed"),
        ["trainer.precision: then '32-true', now 'bf16-mixed'"],
    ),
    ("clipping", PLAIN, Case(gradient_clip_val=0.5), ["trainer.gradient_clip_val: then null, now 0.5"]),
    ("limit", PLAIN, Case(limit_train_batches=2), ["trainer.limit_train_batches: then 1.0, now 2"]),
    ("temperature", PLAIN, Case(temperature=0.5), ["loss.temperature: then 0.1, now 0.5"]),
    ("views", PLAIN, Case(views=moco_v2_views(small.SIZE, seed=3)), ["views.seed: then 0, now 3"]),
    ("decay", PLAIN, Case(decay_norms_and_biases=True), ["decay_norms_and_biases: then false, now true"]),
    (
        "encoder",
        PLAIN,
        Case(encoder=small.encoder(batch_norm="split", batch_norm_groups=2)),
        ["encoder.batch_norm: then 'sync', now 'split'", "encoder.batch_norm_groups: then 1, now 2"],
    ),
    ("method", MOCO, PLAIN, ["method: then MoCoV2, now SimCLR"]),
    ("symmetric", MOCO, Case("moco", symmetric=True), ["symmetric: then false, now true"]),
    (
        "key encoder",
        MOCO,
        Case("moco", lambda: small.moco_callbacks(momentum=0.5)),
        ["callbacks.momentum_encoder.momentum: then 0.9, now 0.5"],
    ),
    (
        "cosine",
        MOCO,
        Case("moco", lambda: small.moco_callbacks(schedule="cosine")),
        ["callbacks.momentum_encoder.schedule: then 'constant', now 'cosine'"],
    ),
    (
        "queue",
        MOCO,
        Case("moco", lambda: small.moco_callbacks(length=48)),
        ["callbacks.negative_queue.length: then 40, now 48"],
    ),
    (
        "several at once",
        PLAIN,
        Case(batch_size=32, temperature=0.2, precision="64"),
        [
            "loss.temperature: then 0.1, now 0.2",
            "data.batch_size: then 16, now 32",
            "trainer.precision: then '32-true', now '64-true'",
        ],
    ),
]


@pytest.mark.parametrize(("then", "now", "told"), [o[1:] for o in OTHERS], ids=[o[0] for o in OTHERS])
def test_other_settings_are_refused_with_all_that_differs(
    then: Case, now: Case, told: list[str], begun: Callable[[Case], Path]
) -> None:
    file = begun(then)
    with pytest.raises(ConfigError) as refusal:
        now.fit(file, max_epochs=3)
    words = str(refusal.value)
    assert words.startswith(f"{file} began with other settings: ")
    assert all(part in words for part in told), words
    assert words.count(": then ") == max(1, sum(": then " in part for part in told))


def sgd(rate: float) -> Any:
    """A user's own way to make an optimizer, of which only what it makes can be compared."""
    return lambda groups: SGD(groups, lr=rate, momentum=0.9)


@pytest.mark.parametrize(
    ("now", "told"),
    [(sgd(0.2), "optimizer.lr: then 0.1, now 0.2"), (lambda groups: ADAMW(groups, lr=0.1), "now AdamW(")],
)
def test_what_own_code_makes_is_compared_once_it_is_made(
    now: Any, told: str, begun: Callable[[Case], Path]
) -> None:
    own = Case(optimizer=sgd(0.1))
    with pytest.raises(ConfigError) as refusal:
        Case(optimizer=now).fit(begun(own), max_epochs=2)
    assert told in str(refusal.value)
    assert Case(optimizer=sgd(0.1)).fit(begun(own), max_epochs=2).global_step == 8


def test_other_trained_parameters_are_refused(begun: Callable[[Case], Path]) -> None:
    encoder = small.encoder()
    encoder.backbone.requires_grad_(False)
    with pytest.raises(
        ConfigError, match=r"trained tensors in each of the optimizer's groups: then \[4, 7\], now \[2, 3\]"
    ):
        Case(encoder=encoder).fit(begun(PLAIN), max_epochs=2)


@pytest.mark.parametrize(
    "now",
    [
        PLAIN,
        Case(callbacks=lambda: [KNNMonitor(k=3)], limit_val_batches=1.0),
        Case(optimizer=partial(SGD, lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=False, foreach=False)),
        Case(loss=nt_xent),  # whose default is 0.1
        Case(num_workers=0, gradient_clip_algorithm="norm"),
        Case(schedule=WarmupCosine(lr_scaling="none", shorten=True)),
        Case(optimizer=lambda groups: SGD(groups, lr=0.1, momentum=0.9, weight_decay=1e-4)),
        Case(loss=lambda z_a, z_b: nt_xent(z_a, z_b, 0.1)),
    ],
)
def test_the_same_in_other_words_goes_on(now: Case, begun: Callable[[Case], Path]) -> None:
    assert now.fit(begun(PLAIN), max_epochs=2).global_step == 8


def edited(file: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = torch.load(file, weights_only=True)
    change(content)
    torch.save(content, target)
    return target


def older(content: dict[str, Any]) -> None:
    """As one of before checkpoints told their settings."""
    del content["cl_lightning"]["settings"]
    del content["cl_lightning"]["arguments"]["schedule"]["shorten"]


def undescribed(content: dict[str, Any]) -> None:
    del content["cl_lightning"]


@pytest.mark.parametrize("change", [older, undescribed])
@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_that_tells_less_goes_on(
    kind: str, change: Any, begun: Callable[[Case], Path], tmp_path: Path
) -> None:
    file = edited(begun(Case(kind)), tmp_path / "old.ckpt", change)
    assert Case(kind).fit(file, max_epochs=2).global_step == 8


SCALED = Case(schedule=WarmupCosine())


@pytest.mark.parametrize(
    ("then", "now", "change", "told"),
    [
        (PLAIN, Case(optimizer=partial(SGD, lr=0.01)), older, "optimizer.lr: then 0.1, now 0.01"),
        (PLAIN, Case(optimizer=partial(SGD, lr=0.01)), undescribed, "then 0.1, now 0.01"),
        (PLAIN, Case(optimizer=partial(ADAMW, lr=0.1)), undescribed, "now a AdamW without"),
        (SCALED, Case(schedule=WarmupCosine(), batch_size=8), older, "then 0.00625, now 0.003125"),
    ],
)
def test_what_an_older_checkpoint_gives_away_is_compared(
    then: Case, now: Case, change: Any, told: str, begun: Callable[[Case], Path], tmp_path: Path
) -> None:
    file = edited(begun(then), tmp_path / "old.ckpt", change)
    with pytest.raises(ConfigError) as refusal:
        now.fit(file, max_epochs=2)
    assert told in str(refusal.value)


def test_the_settings_are_plain_containers_that_load_weights_only(begun: Callable[[Case], Path]) -> None:
    found = torch.load(begun(MOCO), weights_only=True)["cl_lightning"]["settings"]
    assert found["data"] == {"batch_size": 16, "seed": 0, "positives": None}
    assert found["callbacks"]["negative_queue"] == {"length": 40, "seed": 0}
    assert found["optimizers"][0]["_target_"] == "SGD"
    assert found["length"] == {"max_epochs": 1, "max_steps": -1}


def test_what_reads_only_the_weights_is_not_refused(begun: Callable[[Case], Path]) -> None:
    other = simclr(temperature=0.5, optimizer=partial(ADAMW, lr=1.0))
    trainer = small.trainer(KNNMonitor(k=3), limit_val_batches=1.0, precision="bf16-mixed")
    trainer.validate(other, small.data(batch_size=8), ckpt_path=begun(PLAIN), weights_only=True)
    assert "val/knn_top1" in trainer.callback_metrics


def test_the_remedies_of_the_message_work(begun: Callable[[Case], Path]) -> None:
    file, other = begun(PLAIN), partial(ADAMW, lr=0.01)
    with pytest.raises(ConfigError, match=r"a new fit without ckpt_path.* \(SimCLR.load_from_checkpoint"):
        Case(optimizer=other).fit(file, max_epochs=2)
    assert PLAIN.fit(file, max_epochs=2).global_step == 8
    method = SimCLR.load_from_checkpoint(file, optimizer=other)
    trained = torch.load(file, weights_only=True)["state_dict"]
    assert all(value.equal(trained[name]) for name, value in method.state_dict().items())
    trainer = small.trainer()
    trainer.fit(method, small.data())
    assert trainer.global_step == 4
    assert isinstance(trainer.optimizers[0], ADAMW)


def test_a_longer_run_is_told_and_goes_on(
    begun: Callable[[Case], Path], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("lightning.pytorch"), "propagate", True)
    with caplog.at_level(logging.INFO, logger="lightning.pytorch"):
        trainer = PLAIN.fit(begun(PLAIN), max_epochs=3)
    assert trainer.global_step == 12
    told = [r.getMessage() for r in caplog.records if "trainer.max_epochs: then 1, now 3" in r.getMessage()]
    assert len(told) == 1


@pytest.mark.parametrize("policy", ["plain", "sync"])
def test_the_number_of_processes_counts_where_batch_norm_is_theirs(
    policy: str, begun: Callable[[Case], Path], tmp_path: Path
) -> None:
    def on_four(content: dict[str, Any]) -> None:
        if "devices" in (found := content["cl_lightning"]["settings"]["trainer"]):
            found["devices"] = 4

    case = Case(encoder=small.encoder(batch_norm=policy))
    file = edited(begun(case), tmp_path / "four.ckpt", on_four)
    again = Case(encoder=small.encoder(batch_norm=policy))
    if policy == "sync":
        assert again.fit(file, max_epochs=2).global_step == 8
        return
    with pytest.raises(ConfigError, match=r"trainer\.devices: then 4, now 1"):
        again.fit(file, max_epochs=2)


@pytest.mark.parametrize(("device", "goes_on"), [("cuda", True), ("cpu", False)])
def test_half_precision_may_move_from_a_gpu_to_a_cpu_which_has_one_of_the_two(
    device: str, goes_on: bool, begun: Callable[[Case], Path], tmp_path: Path
) -> None:
    def on(content: dict[str, Any]) -> None:
        content["cl_lightning"]["settings"]["device"] = device
        content["cl_lightning"]["settings"]["trainer"]["precision"] = "16-mixed"

    case = Case(precision="bf16-mixed")
    file = edited(begun(case), tmp_path / "half.ckpt", on)
    if goes_on:
        assert case.fit(file, max_epochs=2).global_step == 8
        return
    with pytest.raises(ConfigError, match=r"trainer\.precision: then '16-mixed', now 'bf16-mixed'"):
        case.fit(file, max_epochs=2)
