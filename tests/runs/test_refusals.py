"""A wrong config: one line that says what was given, what is accepted and which key; nothing is written."""

import re
import sys
from pathlib import Path

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder
from cl_lightning.runs.checking.trainer_settings import check_trainer
from cl_lightning.train import main
from tests.runs.test_lock import holder
from tests.small import SMALL, SMALL_MOCO, config

# What was given, and the words that its message must have: keys, what was given, what is accepted.
REFUSED = {
    # keys and groups
    "loss.temprature=1": "loss.temprature temperature",
    "los.temperature=1": "los loss",
    "seed.x=1": "seed.x",
    "method.symmetric=true": "method.symmetric name decay_norms_and_biases",
    "callbacks.negative_queue.length=8": "callbacks.negative_queue",
    "+loss.foo=1": "loss.foo z_a z_b temperature",
    "method=foo": "method foo moco_v2 nnclr simclr",
    "schedule=null": "GROUP=OPTION",
    "foo": "foo GROUP=OPTION KEY=VALUE",
    "+seed=1": "seed",
    "+foo=1": "foo seed run views encoder loss optimizer schedule method",
    "+schedul.warmup_epochs=1 +bar=2": "schedul bar schedule",
    "+run.nane=x": "run.nane name root",
    "+experiment.loss.temperature=0.2": "experiment @package",
    # missing values and interpolations
    "seed=${nothing.here}": "seed nothing.here",
    "seed=???": "seed",
    "~trainer.max_epochs": "trainer.max_epochs null 1",
    # values
    "seed=x": "seed x 0 4294967295",
    "seed=-1": "seed -1 0",
    "seed=null": "seed null",
    "data.batch_size=1.5": "data.batch_size 1.5",
    "data.batch_size=-4": "data.batch_size=-4",
    "data.num_workers=x": "data.num_workers x",
    "data.num_workers=-1": "data.num_workers=-1 0",
    "data.train=null": "data.train null",
    "data.train.split=foo": "data.train.split",
    "loss.temperature=-1": "loss.temperature",
    "loss.temperature=warm": "loss.temperature warm",
    "encoder.batch_norm=synk": "encoder.batch_norm sync split shuffle plain",
    "encoder.batch_norm_groups=x": "encoder.batch_norm_groups x",
    "encoder.layers=5": "encoder.layers 2 3",
    "encoder.out_features=0": "encoder.out_features 0 1",
    "encoder.features=7": "encoder.features",
    "encoder.backbone.widths=x": "encoder.backbone.widths x",
    "optimizer.lr=fast": "optimizer.lr fast",
    "optimizer.lr=-1": "optimizer -1",
    "optimizer.nesterow=1": "optimizer.nesterow nesterov",
    "schedule.warmup_epochs=7": "schedule.warmup_epochs 7 14 2",
    "schedule.lr_scaling=lin": "schedule.lr_scaling lin none linear sqrt",
    "callbacks.knn=5": "callbacks.knn 5",
    "callbacks.knn.k=0": "callbacks.knn.k 0",
    "callbacks.finite_guard=5": "callbacks.finite_guard 5",
    "data.train=5": "data.train 5",
    "logger.csv=3": "logger.csv 3",
    "logger.csv.version=null": "logger.csv.version null",
    "logger.csv.version=2": "logger.csv.version 2",
    "~logger.csv.name": "logger.csv.name null",
    "logger.csv.name=curves": "logger.csv.name curves",
    "+logger.csv.save_dir=x": "logger.csv.save_dir x metrics.csv",
    "views.crop_scale=[2,3]": "views.crop_scale",
    "views.mean=[0.1]": "views.mean views.std",
    "data.train._target_=os.system": "data.train._target_ os.system MODULE.NAME",
    "run.name=a/b": "run.name a/b",
    "run.name=''": "run.name",
    "run.root=null": "run.root null",
    "run=null": "run null",
    # the Trainer
    "trainer.max_epochs=abc": "trainer.max_epochs abc 1",
    "trainer.max_steps=0": "trainer.max_steps 0",
    "trainer.precision=17": "trainer.precision 17 32 bf16-mixed 16-mixed bf16-true 64",
    "trainer.precision=16": "trainer.precision 16 32 bf16-mixed",
    "trainer.precision=16-true": "trainer.precision 16-true 32 bf16-mixed",
    "trainer.precision=transformer-engine": "trainer.precision transformer-engine 32",
    "trainer.devices=0": "trainer.devices 0 1 auto",
    "trainer.devices=-1": "trainer.devices -1 1",
    "trainer.devices=[0,1]": "trainer.devices 0 1",
    "trainer.devices=x": "trainer.devices x",
    "trainer.devices=1.5": "trainer.devices 1.5",
    "trainer.devices=true": "trainer.devices true",
    "trainer.num_nodes=0": "trainer.num_nodes 0 1",
    "trainer.accelerator=foo": "accelerator foo",
    "trainer.strategy=foo": "strategy foo",
    "trainer.sync_batchnorm=true": "trainer.sync_batchnorm true false encoder.batch_norm=sync",
    "trainer.callbacks=[a]": "callbacks",
    "trainer.default_root_dir=x": "trainer.default_root_dir run.root",
    "trainer.overfit_batches=1": "trainer.overfit_batches 1 0",
    "trainer.accumulate_grad_batches=0": "trainer.accumulate_grad_batches 0 1",
    "trainer.accumulate_grad_batches=3": "trainer.accumulate_grad_batches=3 2",
    "trainer.limit_train_batches=0": "trainer.limit_train_batches 0 null 1",
    "trainer.limit_train_batches=0.1": "trainer.limit_train_batches=0.1 2",
    "trainer.limit_val_batches=0.5": "trainer.limit_val_batches 0.5 null 0",
    "trainer.limit_val_batches=1": "trainer.limit_val_batches 1 null 0",
    "trainer.gradient_clip_val=-1": "trainer.gradient_clip_val -1 0 null",
    "encoder.batch_norm=plain encoder.backbone.strides=[0,2]": "encoder",
    "trainer.limit_train_batches=-1": "limit_train_batches",
    "trainer.val_check_interval=3": "trainer.val_check_interval 3 2",
    "trainer.profiler=foo": "trainer.profiler foo",
    # what does not fit
    "loss=info_nce": "loss=info_nce loss=nt_xent",
    "method=moco_v2 callbacks=default": "MoCoV2 MomentumEncoder callbacks",
    "loss=neighbour_nce": "loss=neighbour_nce SimCLR loss=nt_xent",
    "method=nnclr loss=nt_xent": "loss=nt_xent loss=neighbour_nce",
    "method=nnclr loss=sup_con": "loss=sup_con loss=neighbour_nce",
    "method=nnclr callbacks.support_set=null": "cl_lightning.callbacks.support_set.SupportSet",
    "method=nnclr callbacks.support_set.length=7": "callbacks.support_set.length 7 8",
    "method=nnclr callbacks=moco_v2": "callbacks.negative_queue NNCLR",
    "method=nnclr method.predictor_features=0": "method.predictor_features 0 1",
    "method=nnclr data.batch_size=1": "NNCLR data.batch_size 2",
    "data.batch_size=1000": "data.batch_size=1000 16",
    "trainer.devices=3": "data.batch_size=8 3",
    "trainer=ddp_cpu data.batch_size=7": "data.batch_size=7 2 6 8",
    "encoder.batch_norm=split encoder.batch_norm_groups=3": "encoder.batch_norm_groups 1 2 4",
    "trainer.devices=2 encoder.batch_norm=split encoder.batch_norm_groups=3": "encoder.batch_norm_groups 2 4",
    "trainer.devices=4 encoder.batch_norm=split encoder.batch_norm_groups=8": "encoder.batch_norm_groups 8 4",
    "data.channels=1": "data.train 1 views.mean 3",
}
MISSING_DATA = {"image_folder": "nowhere data.root", "cifar10": "nowhere data.root"}
REFUSED_MOCO = {
    "callbacks.negative_queue.length=4": "callbacks.negative_queue.length 4 8",
    "callbacks.negative_queue.length=8 method.symmetric=true": "callbacks.negative_queue.length 8 16",
    "callbacks.negative_queue=null": "callbacks.negative_queue cl_lightning.callbacks.NegativeQueue",
    "method.name=x callbacks.momentum_encoder=null callbacks.throughput=null": "MomentumEncoder",
    "callbacks.momentum_encoder.momentum=2": "callbacks.momentum_encoder.momentum 2 0 1",
    "callbacks.momentum_encoder.schedule=foo": "callbacks.momentum_encoder.schedule constant cosine",
    "loss=nt_xent": "loss=nt_xent loss=info_nce",
    "loss=sup_con": "loss=sup_con loss=info_nce",
    "method.symmetric=5": "method.symmetric 5 true false",
}


def refused(overrides: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    """What `cl-train OVERRIDES` writes to stderr before it ends with exit code 1."""
    monkeypatch.setattr(sys, "argv", ["cl-train", *overrides])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    out, err = capfd.readouterr()
    assert out == ""
    return err


def one_line(err: str) -> str:
    assert len(err.splitlines()) == 1, err
    assert err.startswith("cl-train: ")
    return err


def missing(words: str, message: str) -> list[str]:
    """Those of some words that a message lacks."""
    return [w for w in words.split() if not re.search(rf"(?<![\w.-]){re.escape(w)}(?!\w)", message)]


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_wrong_config_gets_one_line_and_writes_nothing(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    err = one_line(refused([*SMALL, *wrong.split()], monkeypatch, capfd))
    assert missing(REFUSED[wrong], err) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", REFUSED_MOCO)
def test_a_wrong_config_of_moco_gets_one_line_and_writes_nothing(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    err = one_line(refused([*SMALL, *SMALL_MOCO, *wrong.split()], monkeypatch, capfd))
    assert missing(REFUSED_MOCO[wrong], err) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", MISSING_DATA)
def test_a_missing_data_folder_gets_one_line_and_writes_nothing(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    overrides = [f"data={data}", "data.root=nowhere", "encoder=small_resnet", "trainer=cpu"]
    assert missing(MISSING_DATA[data], one_line(refused(overrides, monkeypatch, capfd))) == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_root_that_is_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    err = one_line(refused([*SMALL, "run.root=file/below"], monkeypatch, capfd))
    assert "run.root is file/below, but" in err


def test_two_folders_of_one_run_are_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder.of(config(*SMALL))
    copy = folder.path.with_name(f"copy-of-{folder.path.name}")
    for path in (folder.path, copy):
        path.mkdir(parents=True)
    err = one_line(refused(list(SMALL), monkeypatch, capfd))
    assert f"{copy}, {folder.path} are folders of one run; accepted: one of them in run.root, runs" in err
    assert [*folder.path.iterdir(), *copy.iterdir()] == []


def test_a_run_that_another_process_trains_is_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder.of(config(*SMALL))
    with holder(folder.path) as (process, _):
        err = one_line(refused(list(SMALL), monkeypatch, capfd))
        assert f"{folder.path} is being trained by process {process.pid} on " in err
        assert [path.name for path in folder.path.iterdir()] == [".lock"]


def test_a_refused_job_of_a_sweep_does_not_keep_the_others_from_being_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["cl-train", "-m", *SMALL, "seed=-1,-2"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    first, *others = capfd.readouterr().err.splitlines()
    assert first == "cl-train: 2 of 2 jobs failed:"
    for seed, line in zip((-1, -2), others, strict=True):
        assert line.startswith(f"  seed={seed}: seed is {seed}; accepted: ")
    assert list(tmp_path.iterdir()) == []


def test_an_end_without_evaluation_is_told() -> None:
    trainer = config("trainer.max_epochs=5", "trainer.check_val_every_n_epoch=2")["trainer"]
    with pytest.warns(UserWarning, match=r"every_n_epoch is 2, not .* trainer.max_epochs, 5.* in epoch 4"):
        check_trainer(trainer)
    trainer["max_epochs"] = 1
    with pytest.warns(UserWarning, match="there is none"):
        check_trainer(trainer)


def test_fewer_or_more_tasks_of_srun_than_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "2")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    trainer = config("trainer=cpu")["trainer"]
    with pytest.raises(
        ConfigError, match=r"srun has started 2 tasks, but trainer.devices=1 and .* are 1 processes"
    ):
        check_trainer(trainer)
    for devices in ("1", "auto"):  # which is one process on a CPU
        with pytest.raises(ConfigError, match=r"but trainer\.devices=1 .* are 1 processes"):
            check_trainer(trainer | {"devices": devices})
    check_trainer(trainer | {"devices": "2"})
    check_trainer(trainer | {"num_nodes": 2})
    check_trainer(trainer, here=False)
