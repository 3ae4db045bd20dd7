"""Every key of conf/trainer has its effect, or is refused with a reason where it would have none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.profilers import SimpleProfiler

from cl_lightning.runs import RunFolder
from cl_lightning.runs.assemble import assemble_trainer
from cl_lightning.train import train
from tests.small import SMALL, config

# Shown by other tests, whose file is named.
SHOWN = {
    **dict.fromkeys(("accelerator", "devices", "num_nodes", "strategy"), "test_ddp_settings"),
    "precision": "test_summary",
    "logger": "test_loggers",
    "fast_dev_run": "test_dry_run",
    "max_time": "test_max_time",
    **dict.fromkeys(("enable_checkpointing", "enable_progress_bar"), "test_checkpoint"),
    **dict.fromkeys(("enable_model_summary", "enable_autolog_hparams"), "here, below"),
}
# A value, and how the Trainer has it, which is Lightning's to keep.
KEPT: dict[str, tuple[str, Callable[[Trainer], bool]]] = {
    "max_epochs": ("3", lambda t: t.max_epochs == 3),
    "min_epochs": ("1", lambda t: t.min_epochs == 1),
    "max_steps": ("2", lambda t: t.max_steps == 2),
    "min_steps": ("1 trainer.max_steps=2", lambda t: t.min_steps == 1),
    "limit_train_batches": ("0.5", lambda t: t.limit_train_batches == 0.5),
    "limit_val_batches": ("0", lambda t: t.limit_val_batches == 0),
    "val_check_interval": ("0.5", lambda t: t.val_check_interval == 0.5),
    "check_val_every_n_epoch": ("1", lambda t: t.check_val_every_n_epoch == 1),
    "num_sanity_val_steps": ("2", lambda t: t.num_sanity_val_steps == 2),
    "log_every_n_steps": ("7", lambda t: t.log_every_n_steps == 7),
    "accumulate_grad_batches": ("2", lambda t: t.accumulate_grad_batches == 2),
    "gradient_clip_val": ("0.5", lambda t: t.gradient_clip_val == 0.5),
    "gradient_clip_algorithm": (
        "value trainer.gradient_clip_val=1.0",
        lambda t: t.gradient_clip_algorithm == "value",
    ),
    "deterministic": ("true", lambda t: torch.are_deterministic_algorithms_enabled()),
    "benchmark": ("true", lambda t: torch.backends.cudnn.benchmark),
    "inference_mode": ("false", lambda t: not t.fit_loop.epoch_loop.val_loop.inference_mode),
    "detect_anomaly": ("true", lambda t: t._detect_anomaly),
    "profiler": ("simple", lambda t: isinstance(t.profiler, SimpleProfiler)),
}
REFUSED = {
    "callbacks": "[a]",
    "default_root_dir": "x",
    "use_distributed_sampler": "true",
    "overfit_batches": "1",
    "barebones": "true",
    "sync_batchnorm": "true",
    "plugins": "[a]",
    "model_registry": "mine",
    "reload_dataloaders_every_n_epochs": "1",
    "limit_test_batches": "0",
    "limit_predict_batches": "0.5",
}
REFUSED_VALUES = (
    "trainer.val_check_interval='00:00:00:01'",
    "trainer.val_check_interval={seconds:1}",
    "trainer.gradient_clip_algorithm=norm",
    "trainer.min_epochs=3",
    "trainer.min_steps=3 trainer.max_steps=2",
    "trainer.min_steps=3",
    "trainer.min_steps=1",
    "trainer.min_epochs=1",
    "trainer.profiler=xla",
)


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Any:
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False


def small(*overrides: str) -> dict[str, Any]:
    return config(*SMALL, *" ".join(overrides).split())


def test_each_key_is_shown_kept_or_refused() -> None:
    keys = [*SHOWN, *KEPT, *REFUSED]
    assert sorted(keys) == sorted(set(config()["trainer"]) - {"_target_"})


@pytest.mark.parametrize("key", KEPT)
def test_a_value_reaches_the_trainer(key: str) -> None:
    value, has = KEPT[key]
    run = small(f"trainer.{key}={value}")
    assert has(assemble_trainer(run, RunFolder.of(run)))


@pytest.mark.parametrize("override", [f"trainer.{k}={v}" for k, v in REFUSED.items()] + list(REFUSED_VALUES))
def test_what_would_have_no_effect_is_refused_by_its_key(override: str) -> None:
    with pytest.raises(ValueError, match=rf"^{override.split('=')[0]} is .*; accepted: "):
        train(small(override))
    assert not Path("runs").exists()


@pytest.mark.parametrize("profiler", ["simple", "advanced"])
def test_a_profiler_tells_once_what_it_measured(profiler: str, caplog: pytest.LogCaptureFixture) -> None:
    train(small(f"trainer.profiler={profiler}"))  # to the terminal, where no test listens
    assert caplog.text.count("Profiler Report") == 1
    assert "run_training_epoch" in caplog.text


def test_torchs_profiler_tells_what_it_measured_and_leaves_its_trace_in_the_run_folder(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = small("trainer.profiler=pytorch", "data.train.images=40", "data.val=null", "callbacks.knn=null")
    train(run)
    assert caplog.text.count("Profiler Report") == 1
    assert "SimCLR" in caplog.text
    (trace,) = RunFolder.of(run).path.glob("*.pt.trace.json")
    assert "training_step" in trace.name


def test_the_model_summary_is_printed_and_a_sanity_check_evaluates(capfd: pytest.CaptureFixture[str]) -> None:
    assert train(small("trainer.enable_model_summary=true", "trainer.num_sanity_val_steps=1"))["steps"] == 2
    out, err = capfd.readouterr()
    assert "Trainable params" in out + err


def test_the_config_goes_to_the_loggers_unless_it_is_switched_off() -> None:
    run = config(*SMALL[:-1], "logger=csv_tensorboard", "trainer.enable_autolog_hparams=false")
    train(run)
    assert (RunFolder.of(run).path / "tensorboard/hparams.yaml").read_text() == "{}\n"
