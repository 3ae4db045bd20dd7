import inspect
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from lightning.pytorch import Trainer
from omegaconf import OmegaConf

from cl_lightning.blueprints import arguments as arguments_of
from cl_lightning.runs.assemble import assemble_method
from tests.small import CONF, OPTIONS, composed, config

PARTS = [option for option in OPTIONS if option[0] != "experiment"]
# Where an option exists to say something else than the class does.
OTHERS = {
    "cl_lightning.encoders.ResNet": {"depth"},
    "cl_lightning.optim.WarmupCosine": {"warmup_epochs"},  # the method sets its own
    "cl_lightning.data.synthetic": {"images", "classes"},  # small, and another number for each part
}
STAY = [
    *("seed", "run.name", "run.root", "data.root", "data.batch_size", "data.num_workers"),
    *("loss.temperature", "optimizer.lr", "encoder.batch_norm", "encoder.batch_norm_groups"),
    *("trainer.max_epochs", "trainer.devices", "trainer.precision", "trainer.limit_train_batches"),
    *("trainer.accumulate_grad_batches", "trainer.num_nodes", "trainer.strategy"),
]
FROM_CODE = {
    *("views", "encoder", "loss", "optimizer", "schedule", "unit_keys"),
    *(
        "z_a",
        "z_b",
        "queries",
        "keys",
        "negatives",
        "labels",
        "neighbours",
        "predictions",
        "dirpath",
        "max_time",
        "rules",
    ),
}
STAY_MOCO = ["callbacks.negative_queue.length", "callbacks.momentum_encoder.momentum", "method.symmetric"]


def target_of(node: dict[str, Any]) -> Any:
    module, name = node["_target_"].rsplit(".", 1)
    return getattr(import_module(module), name)


def nodes_of_ours(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    inner = [node for child in value.values() for node in nodes_of_ours(child)]
    return [*([value] if str(value.get("_target_")).startswith("cl_lightning.") else []), *inner]


def unresolved(group: str, option: str) -> Any:
    """The node of a group, interpolations as they stand."""
    method = ["method=moco_v2"] if option == "moco_v2" else []
    return OmegaConf.to_container(composed(f"{group}={option}", *method)[group])


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(("group", "option"), PARTS, ids=map("=".join, PARTS))
def test_the_defaults_of_our_classes_are_those_of_the_yaml(group: str, option: str) -> None:
    for node in nodes_of_ours(unresolved(group, option)):
        parameters = inspect.signature(target_of(node)).parameters
        literal = {k: v for k, v in node.items() if k in parameters and not str(v).startswith("${")}
        for name in set(literal) - OTHERS.get(node["_target_"], set()):
            default = parameters[name].default
            required = default is inspect.Parameter.empty
            if not required and not isinstance(literal[name], dict) and name != "split":
                assert literal[name] == plain(default), (node["_target_"], name)


@pytest.mark.parametrize(("group", "option"), PARTS, ids=map("=".join, PARTS))
def test_every_argument_of_our_classes_stands_in_the_yaml(group: str, option: str) -> None:
    for node in nodes_of_ours(unresolved(group, option)):
        assert set(inspect.signature(target_of(node)).parameters) - FROM_CODE <= set(node), node["_target_"]


def arguments(call: partial[Any]) -> dict[str, Any]:
    """All arguments of a call to be made, the function's own defaults included."""
    bound = inspect.signature(call.func).bind_partial(*call.args, **call.keywords)
    bound.apply_defaults()
    return bound.arguments


@pytest.mark.parametrize("name", [file.stem for file in sorted((CONF / "method").glob("*.yaml"))])
def test_a_method_made_in_python_is_the_one_that_cl_train_makes(name: str) -> None:
    built: Any = assemble_method(config(f"method={name}", "data=image_folder"))
    made = type(built)()
    for part in ("loss", "optimizer"):
        one, other = called(getattr(built, part)), called(getattr(made, part))
        assert (one.func, arguments(one)) == (other.func, arguments(other))
    assert built.views == made.views
    assert built.schedule == made.schedule
    assert built.decay_norms_and_biases == made.decay_norms_and_biases
    assert str(built.encoder) == str(made.encoder)
    assert built.encoder.batch_norm == made.encoder.batch_norm
    assert built.encoder.batch_norm_groups == made.encoder.batch_norm_groups
    parts = {"views", "encoder", "loss", "optimizer", "schedule"}
    assert {n: v for n, v in arguments_of(built).items() if n not in parts} == {
        n: v for n, v in arguments_of(made).items() if n not in parts
    }


def called(part: Any) -> partial[Any]:
    return part if isinstance(part, partial) else partial(part)


def test_the_trainers_yaml_names_every_argument_of_lightnings_trainer() -> None:
    accepted = set(inspect.signature(Trainer).parameters)
    assert set(config()["trainer"]) == accepted | {"_target_"}


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_the_keys_that_scripts_use_are_there(method: str) -> None:
    cfg = composed(f"method={method}")
    for key in STAY + (STAY_MOCO if method == "moco_v2" else []):
        parent, _, last = key.rpartition(".")
        assert last in (OmegaConf.select(cfg, parent) if parent else cfg), key


def test_the_trainers_that_scripts_use_are_there() -> None:
    assert {o for g, o in OPTIONS if g == "trainer"} == {"auto", "cpu", "gpu", "ddp", "ddp_cpu", "slurm"}
