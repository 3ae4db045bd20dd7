"""A search goes towards what is better, and is refused where its trials can't tell."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.measured import check_measured, check_measured_of
from cl_lightning.runs.metrics import METRICS, low_is_better
from cl_lightning.sweeps.aim import direction_of
from tests.small import SMALL, config

OPTUNA = "hydra/sweeper=optuna"
LOW = {"loss", "alignment", "uniformity", "seconds_per_epoch", "peak_memory_mib"}
PHOTOS = ("data=image_folder", "data.root=photos", "data.num_workers=0", *SMALL[1:3], *SMALL[5:])
TEMPERATURE = "loss.temperature=tag(log,interval(0.05,1))"


@pytest.mark.parametrize("metric", METRICS)
def test_the_direction_is_towards_the_better(metric: str, capsys: pytest.CaptureFixture[str]) -> None:
    better, worse = ("minimize", "maximize") if metric in LOW else ("maximize", "minimize")
    assert low_is_better(metric) == (metric in LOW)
    assert direction_of(metric, None) == direction_of(metric, better) == better  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""
    assert direction_of(metric, worse) == worse  # type: ignore[arg-type]
    assert f"hydra.sweeper.direction={worse}" in capsys.readouterr().out


OF_VAL = ("knn_top1", "alignment", "uniformity", "effective_rank")
SPEED = ("views_per_second", "seconds_per_epoch", "peak_memory_mib")
# The key, its value, and what is not measured then.
WITHOUT: dict[str, tuple[Any, tuple[str, ...]]] = {
    "callbacks.health": (None, ("loss", *OF_VAL[1:])),
    "callbacks.knn": (None, OF_VAL[:1]),
    "callbacks.throughput": (None, SPEED),
    "data.val": (None, OF_VAL),
    "trainer.limit_val_batches": (0, OF_VAL),
    "trainer.check_val_every_n_epoch": (2, OF_VAL),
    "trainer.max_steps": (1, OF_VAL),  # of two an epoch
}


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return config(*SMALL)


def changed(small: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The config with other values, of GROUP__KEY."""
    found = copy.deepcopy(small)
    for name, value in values.items():
        group, key = name.split("__")
        found[group][key] = value
    return found


def check(composed: dict[str, Any]) -> None:
    check_measured(composed)
    check_measured_of(composed)


@pytest.mark.parametrize("key", WITHOUT)
def test_what_a_config_does_not_measure_is_refused_with_the_key(key: str, small: dict[str, Any]) -> None:
    value, not_measured = WITHOUT[key]
    without = changed(small, **{key.replace(".", "__"): value})
    for metric in METRICS:
        composed = changed(without, run__metric=metric)
        if metric not in not_measured:
            check(composed)
            continue
        with pytest.raises(ConfigError, match=re.escape(f"run.metric is {metric}, but {key}")) as refusal:
            check(composed)
        named = re.search(r"another run\.metric \((.*?)\)", str(refusal.value))
        assert named is not None
        for other in named[1].split(", "):
            check_measured(changed(without, run__metric=other))


@pytest.mark.parametrize("metric", METRICS)
def test_what_a_config_measures_is_not_refused(metric: str, small: dict[str, Any]) -> None:
    check(changed(small, run__metric=metric))
    check(changed(small, run__metric=metric, trainer__max_steps=2))


def test_a_callback_of_the_user_s_own_may_measure_it(small: dict[str, Any]) -> None:
    check(changed(small, callbacks__knn=None, callbacks__mine={"_target_": "my.Own"}))


def write_photos() -> None:
    for part, count in {"train": 9, "val": 8}.items():
        for kind in "ab":
            folder = Path("photos", part, kind)
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = np.random.default_rng([i, count]).integers(0, 256, (9, 9, 3))
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")


def searched(told: Any, *overrides: str) -> tuple[str, str, int]:
    return told("-m", OPTUNA, "hydra.sweeper.n_trials=2", TEMPERATURE, *overrides)


@pytest.mark.filterwarnings("ignore:kNN accuracy is left out")
def test_without_labels_nothing_is_trained_nor_left_that_blocks_the_corrected_command(told: Any) -> None:
    write_photos()
    out, err, code = searched(told, *PHOTOS, "data.labels=false")
    assert code == 1
    assert "sweep: trial" not in out
    assert err.startswith("cl-train: run.metric is knn_top1, but not every image")
    assert len(err.splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["photos"]

    out, err, code = searched(told, *PHOTOS, "data.labels=false", "run.metric=loss")  # as the message says
    assert code == 0, err
    losses = [json.loads(path.read_text())["loss"] for path in Path("runs").glob("*/summary.json")]
    assert len(losses) == 2
    assert f"sweep: the best loss is {min(losses):.4g}, by trial " in out
    assert f"{max(losses):.4g}" not in out.splitlines()[-2]


def test_a_search_over_what_has_labels_goes_on_where_one_choice_has(told: Any) -> None:
    write_photos()
    given = (*PHOTOS, "data.labels=false,true")
    out, err, code = told("-m", OPTUNA, "hydra.sweeper.n_trials=1", *given)
    assert (code, out.count("sweep: trial")) == (0, 1), err


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ((*SMALL, "trainer.check_val_every_n_epoch=2,3"), "trainer.check_val_every_n_epoch is 2"),
        ((*SMALL, "data.val=null"), "data.val"),
        ((*SMALL, "run.metric=loss,knn_top1"), "run.metric has several values"),
        ((*PHOTOS, "data.root=nowhere"), "nowhere"),
    ],
)
def test_a_search_is_refused_before_its_first_trial(
    overrides: tuple[str, ...], words: str, told: Any
) -> None:
    out, err, code = searched(
        told, *(overrides if "data=image_folder" in overrides else (*SMALL, *overrides))
    )
    assert (code, len(err.splitlines())) == (1, 1), (out, err)
    assert words in err
    assert list(Path().iterdir()) == []


def test_images_that_only_the_cluster_has_are_not_looked_for_here(told: Any) -> None:
    slurm = ("hydra/launcher=slurm", "hydra.launcher.dry_run=true", "hydra.sweeper.study=elsewhere")
    out, err, code = searched(told, *PHOTOS, *slurm, "data.root=/nowhere/but/there")
    assert code == 0, err
    assert "sweep: trial 1 of 2" in out
    _, err, code = searched(told, *PHOTOS, *slurm, "data.root=/nowhere/but/there", "callbacks.knn=null")
    assert code == 1
    assert "run.metric is knn_top1, but callbacks.knn" in err
