"""A wrong config: one line that says what was given, what is accepted and which key; nothing is written."""

import sys
from pathlib import Path

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder
from cl_lightning.runs.checking.trainer_settings import check_trainer
from cl_lightning.train import main
from tests.runs.test_lock import holder
from tests.small import SMALL, SMALL_MOCO, config

REFUSED = {
    # keys and groups
    "loss.temprature=1": "loss.temprature is no key here; did you mean temperature?",
    "los.temperature=1": "los is no key here; did you mean loss?",
    "seed.x=1": "seed.x is no key here",
    "method.symmetric=true": "method.symmetric is no key here; accepted: name, decay_norms_and_biases",
    "callbacks.negative_queue.length=8": "callbacks.negative_queue is no key here",
    "+loss.foo=1": "loss.foo is not an argument; accepted: z_a, z_b, temperature",
    "method=foo": "method is 'foo'; accepted: moco_v2, nnclr, simclr",
    "schedule=null": "accepted: GROUP=OPTION",
    "foo": "'foo' is not understood; accepted: GROUP=OPTION or KEY=VALUE",
    "+seed=1": "An item is already at 'seed'",
    "+foo=1": "foo is no key here; accepted: seed, run, views, encoder, loss, optimizer, schedule, method",
    "+schedul.warmup_epochs=1 +bar=2": "schedul is no key here (nor bar); did you mean schedule?; accepted",
    "+run.nane=x": "run.nane is no key here; did you mean name?; accepted: name, root",
    "+experiment.loss.temperature=0.2": "that lacks its first line; accepted: a file that begins with # @p",
    # missing values and interpolations
    "seed=${nothing.here}": "seed: Interpolation key 'nothing.here' not found",
    "seed=???": "Missing mandatory value: seed",
    "~trainer.max_epochs": "trainer.max_epochs is null; accepted: a whole number from 1",
    # values
    "seed=x": "seed is 'x'; accepted: a whole number from 0 to 4294967295",
    "seed=-1": "seed is -1; accepted: a whole number from 0",
    "seed=null": "seed is null",
    "data.batch_size=1.5": "data.batch_size is 1.5; accepted: a whole number",
    "data.batch_size=-4": "data.batch_size=-4",
    "data.num_workers=x": "data.num_workers is 'x'; accepted: a whole number",
    "data.num_workers=-1": "data.num_workers=-1; accepted: 0 or more",
    "data.train=null": "data.train is null",
    "data.train.split=foo": "data.train.split",
    "loss.temperature=-1": "set loss.temperature",
    "loss.temperature=warm": "loss.temperature is 'warm'; accepted: a number",
    "encoder.batch_norm=synk": "encoder.batch_norm to one of sync, split, shuffle, plain",
    "encoder.batch_norm_groups=x": "encoder.batch_norm_groups is 'x'; accepted: a whole number",
    "encoder.layers=5": "set encoder.layers to 2 or 3",
    "encoder.out_features=0": "encoder.out_features is 0; accepted: a whole number from 1",
    "encoder.features=7": "set encoder.features",
    "encoder.backbone.widths=x": "encoder.backbone.widths is 'x'; accepted: a list (a whole number each)",
    "optimizer.lr=fast": "optimizer.lr is 'fast'; accepted: a number",
    "optimizer.lr=-1": "optimizer: Invalid learning rate: -1",
    "optimizer.nesterow=1": "optimizer.nesterow is no key here; did you mean nesterov?",
    "schedule.warmup_epochs=7": "schedule.warmup_epochs is 7 (14 steps), but training ends after 2 steps",
    "schedule.lr_scaling=lin": "schedule.lr_scaling is 'lin'; accepted: none, linear, sqrt",
    "callbacks.knn=5": "callbacks.knn is 5; accepted: keys below it",
    "callbacks.knn.k=0": "callbacks.knn.k is 0",
    "callbacks.finite_guard=5": "callbacks.finite_guard is 5; accepted: keys below it",
    "data.train=5": "data.train is 5; accepted: keys below it",
    "logger.csv=3": "logger.csv is 3",
    "logger.csv.version=null": "logger.csv.version is null; accepted: ''",
    "logger.csv.version=2": "logger.csv.version is 2; accepted: ''",
    "~logger.csv.name": "logger.csv.name is null; accepted: ''",
    "logger.csv.name=curves": "logger.csv.name is 'curves'; accepted: ''",
    "+logger.csv.save_dir=x": "logger.csv.save_dir is 'x'; accepted: none, metrics.csv lies in",
    "views.crop_scale=[2,3]": "change views.crop_scale",
    "views.mean=[0.1]": "views.std",
    "data.train._target_=os.system": "data.train._target_ is 'os.system'; accepted: MODULE.NAME of a torch",
    "run.name=a/b": "run.name is 'a/b'; accepted: the name of a folder",
    "run.name=''": "run.name is ''",
    "run.root=null": "run.root is null; accepted: a folder",
    "run=null": "run is null",
    # the Trainer
    "trainer.max_epochs=abc": "trainer.max_epochs is 'abc'; accepted: a whole number from 1",
    "trainer.max_steps=0": "trainer.max_steps is 0",
    "trainer.precision=17": "trainer.precision is 17; accepted: 32, bf16-mixed, 16-mixed, bf16-true, 64",
    "trainer.precision=16": "trainer.precision is 16; accepted: 32, bf16-mixed",
    "trainer.precision=16-true": "trainer.precision is '16-true'; accepted: 32, bf16-mixed",
    "trainer.precision=transformer-engine": "trainer.precision is 'transformer-engine'; accepted: 32",
    "trainer.devices=0": "trainer.devices is 0; accepted on the CPU: a whole number from 1, or auto",
    "trainer.devices=-1": "trainer.devices is -1; accepted on the CPU: a whole number from 1",
    "trainer.devices=[0,1]": "trainer.devices is [0, 1]; accepted on the CPU: a whole number from 1",
    "trainer.devices=x": "trainer.devices is 'x'; accepted on the CPU",
    "trainer.devices=1.5": "trainer.devices is 1.5; accepted on the CPU",
    "trainer.devices=true": "trainer.devices is true; accepted on the CPU",
    "trainer.num_nodes=0": "trainer.num_nodes is 0; accepted: a whole number from 1",
    "trainer.accelerator=foo": "`accelerator='foo'`. Available names are",
    "trainer.strategy=foo": "`strategy='foo'`",
    "trainer.sync_batchnorm=true": "sync_batchnorm is true; accepted: false; use encoder.batch_norm=sync",
    "trainer.callbacks=[a]": "use the group callbacks",
    "trainer.default_root_dir=x": "use run.root",
    "trainer.overfit_batches=1": "trainer.overfit_batches is 1; accepted: 0",
    "trainer.accumulate_grad_batches=0": "accumulate_grad_batches is 0; accepted: a whole number from 1",
    "trainer.accumulate_grad_batches=3": "trainer.accumulate_grad_batches=3 of them; accepted: at most 2",
    "trainer.limit_train_batches=0": "trainer.limit_train_batches is 0; accepted: null for all, 1 or more",
    "trainer.limit_train_batches=0.1": "limit_train_batches=0.1 takes none of an epoch's 2 batches; accepted",
    "trainer.limit_val_batches=0.5": "trainer.limit_val_batches is 0.5; accepted: null for all, or 0",
    "trainer.limit_val_batches=1": "trainer.limit_val_batches is 1; accepted: null for all, or 0",
    "trainer.gradient_clip_val=-1": "trainer.gradient_clip_val is -1; accepted: above 0, or null",
    "encoder.batch_norm=plain encoder.backbone.strides=[0,2]": "encoder: ",
    "trainer.limit_train_batches=-1": "limit_train_batches, it has to be in",
    "trainer.val_check_interval=3": "trainer.val_check_interval is 3; accepted: at most 2",
    "trainer.profiler=foo": "trainer.profiler",
    # what does not fit
    "loss=info_nce": "accepted: loss=nt_xent",
    "method=moco_v2 callbacks=default": "MoCoV2 needs a MomentumEncoder, and callbacks has none; accepted:",
    "loss=neighbour_nce": "loss=neighbour_nce does not take what SimCLR gives it; accepted: loss=nt_xent",
    "method=nnclr loss=nt_xent": "accepted: loss=neighbour_nce",
    "method=nnclr loss=sup_con": "accepted: loss=neighbour_nce",
    "method=nnclr callbacks.support_set=null": "'++callbacks.support_set={_target_: cl_lightning.callb",
    "method=nnclr callbacks.support_set.length=7": "length is 7, but one optimizer step makes 8 embeddings",
    "method=nnclr callbacks=moco_v2": "callbacks.negative_queue is there, but NNCLR has no keys for it",
    "method=nnclr method.predictor_features=0": "method.predictor_features is 0; accepted: 1 or more",
    "method=nnclr data.batch_size=1": "NNCLR's negatives are the other images of the batch; accepted: 2",
    "data.batch_size=1000": "data.batch_size=1000 with 16 training images",
    "trainer.devices=3": "data.batch_size=8 cannot be shared by 3 processes; accepted: multiples of 3",
    "trainer=ddp_cpu data.batch_size=7": "by 2 processes; accepted: multiples of 2, such as 6 or 8",
    "encoder.batch_norm=split encoder.batch_norm_groups=3": "batch_norm_groups (one of [1, 2, 4])",
    "trainer.devices=2 encoder.batch_norm=split encoder.batch_norm_groups=3": "groups (one of [2, 4])",
    "trainer.devices=4 encoder.batch_norm=split encoder.batch_norm_groups=8": "two images or more in each",
    "data.channels=1": "images with 1 channels were given, but views.mean has 3 numbers",
}
MISSING_DATA = {"image_folder": "there is no folder nowhere;", "cifar10": "set data.root to it"}
REFUSED_MOCO = {
    "callbacks.negative_queue.length=4": "length is 4, but one optimizer step makes 8 keys",
    "callbacks.negative_queue.length=8 method.symmetric=true": "makes 16 keys; accepted: 16 or more",
    "callbacks.negative_queue=null": "'++callbacks.negative_queue={_target_: cl_lightning.callbacks.Negat",
    "method.name=x callbacks.momentum_encoder=null callbacks.throughput=null": "needs a MomentumEncoder",
    "callbacks.momentum_encoder.momentum=2": "callbacks.momentum_encoder.momentum is 2; accepted: 0 to 1",
    "callbacks.momentum_encoder.schedule=foo": "accepted: constant, cosine",
    "loss=nt_xent": "accepted: loss=info_nce",
    "loss=sup_con": "accepted: loss=info_nce",
    "method.symmetric=5": "method.symmetric is 5; accepted: true, false",
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


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_wrong_config_gets_one_line_and_writes_nothing(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    err = one_line(refused([*SMALL, *wrong.split()], monkeypatch, capfd))
    assert REFUSED[wrong] in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", REFUSED_MOCO)
def test_a_wrong_config_of_moco_gets_one_line_and_writes_nothing(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    err = one_line(refused([*SMALL, *SMALL_MOCO, *wrong.split()], monkeypatch, capfd))
    assert REFUSED_MOCO[wrong] in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", MISSING_DATA)
def test_a_missing_data_folder_gets_one_line_and_writes_nothing(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    overrides = [f"data={data}", "data.root=nowhere", "encoder=small_resnet", "trainer=cpu"]
    assert MISSING_DATA[data] in one_line(refused(overrides, monkeypatch, capfd))
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
