import copy
import inspect
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer

from cl_lightning.runs import RunFolder, run_hash
from cl_lightning.runs.identity import earlier_hashes, has_fixed_content
from cl_lightning.train import train
from tests.small import SMALL, config

NOT_PART = (
    "run.name=other",
    "run.root=elsewhere",
    "data.num_workers=3",
    "encoder.checkpointing=true",
    "encoder.compile=true",
    "logger=csv_tensorboard",
    "trainer.devices=2",
    "trainer=ddp_cpu",
    "trainer.num_nodes=2",
    "trainer.log_every_n_steps=7",
    "trainer.enable_progress_bar=false",
    "callbacks.progress.log_seconds=1",
    "callbacks.checkpoint.every_n_epochs=3",
    "callbacks.checkpoint=null",
    "callbacks.preemption=null",
    "callbacks.history=null",
    "callbacks.broken_files=null",
    "trainer.model_registry=x",
    "trainer.profiler=simple",
    "trainer.max_time=00:08:00:00",
)
PART = (
    "seed=1",
    "data.seed=1",
    "data.batch_size=4",
    "loss.temperature=0.3",
    "optimizer.lr=0.1",
    "encoder.batch_norm=plain",
    "trainer.max_epochs=2",
    "trainer.precision=bf16-mixed",
    "trainer.accumulate_grad_batches=2",
    "callbacks.knn.k=3",
)
# What of the Trainer changes no result: all others do, or may.
OF_THE_TRAINER = {
    *("accelerator", "devices", "num_nodes", "strategy", "default_root_dir", "model_registry"),
    *("enable_autolog_hparams", "enable_checkpointing", "enable_model_summary", "enable_progress_bar"),
    *("log_every_n_steps", "logger", "max_time", "profiler"),
}

# Hashes as run folders have them, whatever is added to the config later.
PINNED = {
    "data=digits encoder=small_conv_net trainer=cpu schedule.warmup_epochs=0": "cf650dd8",
    "method=moco_v2 data=image_folder data.root=DIR data.size=128 encoder=resnet18": "d80f3b01",
    "method=moco_v2 data=image_folder data.root=CLASSES data.val_fraction=0.1 data.size=128": "a13b9459",
    "data=custom data.train._target_=my_photos.MyPhotos +data.train.root=DIR encoder=resnet18": "6506aebc",
    "data=imagenet data.root=DIR encoder.batch_norm=plain trainer.devices=2": "08524ee4",
    "experiment=simclr_cifar10 data.root=DIR": "f6828e99",
    "experiment=simclr_cifar10_cpu data.root=DIR": "8daca477",
    "experiment=simclr_imagenette data.root=DIR": "87ab6727",
    "experiment=simclr_stl10 data.root=DIR": "4853416f",
    "experiment=moco_v2_cifar10 data.root=DIR": "d4cf07a3",
    "experiment=moco_v2_cifar10_cpu data.root=DIR": "597873eb",
    "experiment=moco_v2_imagenette data.root=DIR": "bc7a36de",
    "experiment=moco_v2_stl10 data.root=DIR": "9597fa45",
    "experiment=simclr_scattered_digits seed=3": "31775978",
}

FIXED = ("cifar10", "cifar100", "imagenette", "stl10")


def small(*overrides: str) -> dict[str, Any]:
    clash = {"logger=csv"} if "logger=csv_tensorboard" in overrides else set()
    return config(*(o for o in SMALL if o not in clash), *overrides)


@pytest.mark.parametrize("override", NOT_PART)
def test_what_only_names_places_or_shows_is_no_part_of_the_hash(override: str) -> None:
    assert run_hash(small(override)) == run_hash(small())


@pytest.mark.parametrize("override", PART)
def test_what_determines_the_result_is_part_of_the_hash(override: str) -> None:
    assert run_hash(small(override)) != run_hash(small())


def test_every_key_of_the_trainer_that_may_change_a_result_is_part_of_the_hash() -> None:
    run = small()
    same = {
        key
        for key in run["trainer"]
        if run_hash(run | {"trainer": run["trainer"] | {key: "other"}}) == run_hash(run)
    }
    assert same == OF_THE_TRAINER
    assert set(run["trainer"]) - {"_target_"} == set(
        inspect.signature(Trainer).parameters
    )  # none is forgotten


def test_devices_are_part_of_the_hash_where_batchnorm_depends_on_them() -> None:
    plain = "encoder.batch_norm=plain"
    assert run_hash(small(plain, "trainer.devices=2")) != run_hash(small(plain))


@pytest.mark.parametrize(
    ("data", "same"), [(name, True) for name in FIXED] + [("image_folder", False), ("imagenet", False)]
)
def test_the_folder_of_the_data_is_part_of_the_hash_unless_its_content_is_fixed(
    data: str, same: bool
) -> None:
    one, other = (config(f"data={data}", f"data.root={root}") for root in ("a", "b"))
    assert (run_hash(one) == run_hash(other)) is same


def test_a_limit_of_broken_files_is_no_part_of_the_hash() -> None:
    folder = config("data=image_folder")
    allowed = config("data=image_folder", "data.max_broken=3")
    before = copy.deepcopy(folder)
    del before["data"]["max_broken"]
    assert run_hash(before) == run_hash(folder) == run_hash(allowed)
    (was,) = earlier_hashes(allowed)
    assert was == "2f50daf8" != run_hash(allowed)
    assert earlier_hashes(folder) == []


def test_positives_by_path_are_part_of_the_hash_where_there_are_any() -> None:
    without = config("data=image_folder")
    before = copy.deepcopy(without)
    del before["data"]["positives"]
    assert run_hash(before) == run_hash(without)
    one, other = (config("data=image_folder", f"data.positives={text}") for text in "ab")
    assert len({run_hash(each) for each in (without, one, other)}) == 3


@pytest.mark.parametrize(("overrides", "identity"), PINNED.items())
def test_the_hash_of_a_command_is_what_it_was(overrides: str, identity: str) -> None:
    assert run_hash(config(*overrides.split())) == identity


@pytest.mark.parametrize(
    ("data", "fixed"), [("cifar10", True), ("digits", True), ("imagenette", False), ("image_folder", False)]
)
def test_what_is_read_photo_by_photo_has_to_be_compared(data: str, fixed: bool) -> None:
    assert has_fixed_content(config(f"data={data}")) is fixed


def test_hashing_changes_nothing_in_the_config() -> None:
    run = small()
    before = copy.deepcopy(run)
    run_hash(run)
    assert run == before


def test_the_same_config_again_is_read_and_not_trained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(small())
    capsys.readouterr()
    monkeypatch.setattr(
        "cl_lightning.runs.assemble.assemble_method", lambda config: pytest.fail("trained again")
    )
    assert train(small("data.num_workers=1")) == first
    assert f"is finished: kNN accuracy {first['knn_top1']:.3f}" in capsys.readouterr().out


def test_another_seed_gets_a_folder_of_its_own_with_its_resolved_config() -> None:
    for seed in (0, 1):
        train(small(f"seed={seed}"))
    folders = sorted(Path("runs").iterdir())
    assert len(folders) == 2
    assert {RunFolder(folder).config()["seed"] for folder in folders} == {0, 1}
    assert all("${" not in (folder / "config.yaml").read_text() for folder in folders)


def test_a_run_that_began_with_a_limit_of_its_time_in_its_hash_is_found() -> None:
    limited = small("trainer.max_time=00:08:00:00")
    assert earlier_hashes(limited) == ["7d697ec9"]
    begun = Path("runs", "simclr-7d697ec9")
    begun.mkdir(parents=True)
    assert RunFolder.of(limited).path == begun
