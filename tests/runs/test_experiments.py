"""The committed recipes: each trains as it stands, on made-up images of its own size."""

import copy
from typing import Any

import pytest
from torch import Tensor

from cl_lightning.encoders import Encoder
from cl_lightning.runs.loggers import flat
from cl_lightning.train import train
from tests.small import OPTIONS, config

NAMES = [o for g, o in OPTIONS if g == "experiment"]
SIZES = {"cifar10": 32, "cifar100": 32, "stl10": 96, "imagenette": 128, "imagenet": 224}
RECIPES = {f"{method}_{data}": size for method in ("simclr", "moco_v2") for data, size in SIZES.items()}
# All that a test changes: the images, what would not fit four of them a step and two steps, and the depth.
CHANGED = {
    *("data.batch_size", "data.num_workers", "schedule.warmup_epochs", "callbacks.knn.k"),
    *("callbacks.negative_queue.length", "encoder.batch_norm_groups"),
    *("trainer.accelerator", "trainer.max_epochs", "trainer.check_val_every_n_epoch"),
    "encoder.backbone.depth",  # tests/encoders has all
}
IMAGES = ("data.train", "data.val", "data.bank", "logger.tensorboard")


def shortened(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A recipe, and the same for two steps of four made-up images."""
    recipe = config(f"experiment={name}")
    run = copy.deepcopy(recipe)
    made_up = {key: recipe["data"][key] for key in ("size", "channels")} | {"classes": 2}
    run["data"] |= {"batch_size": 4, "num_workers": 0}
    for split, images in (("train", 8), ("val", 4)):
        node = {"_target_": "cl_lightning.data.synthetic", "split": split, "images": images}
        run["data"][split] = node | made_up
    run["data"].pop("bank", None)
    run["trainer"] |= {"accelerator": "cpu", "max_epochs": 1, "check_val_every_n_epoch": 1}
    run["schedule"]["warmup_epochs"] = 0.5
    run["callbacks"]["knn"]["k"] = 4
    run["logger"].pop("tensorboard")
    if "depth" in run["encoder"]["backbone"]:
        run["encoder"]["backbone"]["depth"] = 18
    if "negative_queue" in run["callbacks"]:
        run["callbacks"]["negative_queue"]["length"] = 8
        run["encoder"]["batch_norm_groups"] = 2
    return recipe, run


@pytest.mark.parametrize("name", NAMES)
def test_a_recipes_runs_are_named_after_it(name: str) -> None:
    assert config(f"experiment={name}")["run"]["name"] == name


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if RECIPES.get(n, 0) > 100 else n for n in NAMES],
)
def test_every_recipe_trains_two_steps_on_images_of_its_size(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, run = shortened(name)
    assert recipe["data"]["size"] == RECIPES.get(name, recipe["data"]["size"])
    seen, forward = set(), Encoder.forward

    def watched(self: Encoder, images: Tensor) -> Tensor:
        seen.add(tuple(images.shape[1:]))
        return forward(self, images)

    monkeypatch.setattr(Encoder, "forward", watched)
    summary = train(run)
    side = recipe["data"]["size"]
    assert summary["steps"] == 2
    assert seen == {(recipe["data"]["channels"], side, side)}
    assert (summary["method"], summary["encoder"]) == (recipe["method"]["name"], recipe["encoder"]["name"])


@pytest.mark.parametrize("name", NAMES)
def test_the_shortened_recipe_is_the_recipe(name: str) -> None:
    recipe, run = (flat(part) for part in shortened(name))
    different = {key for key in recipe.keys() | run.keys() if recipe.get(key) != run.get(key)}
    assert {key for key in different if not key.startswith(IMAGES)} <= CHANGED


def test_both_methods_have_a_recipe_for_each_set() -> None:
    assert set(RECIPES) <= set(NAMES)


@pytest.mark.parametrize("name", RECIPES)
def test_the_last_epoch_of_a_recipe_is_evaluated(name: str) -> None:
    trainer = config(f"experiment={name}")["trainer"]
    assert trainer["max_epochs"] % trainer["check_val_every_n_epoch"] == 0


@pytest.mark.parametrize(("name", "other"), [("cifar100", "cifar10"), ("stl10", "imagenette")])
@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_a_recipe_of_ours_differs_from_the_published_one_in_its_data_and_epochs(
    name: str, other: str, method: str
) -> None:
    ours, published = (flat(config(f"experiment={method}_{data}")) for data in (name, other))
    different = {
        key.split(".")[0] for key in ours.keys() | published.keys() if ours.get(key) != published.get(key)
    }
    assert different <= {"data", "views", "encoder", "run", "trainer"}
    for key in ("loss.temperature", "optimizer.lr", "encoder.backbone.depth", "data.batch_size"):
        assert ours[key] == published[key]
