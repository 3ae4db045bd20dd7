"""The same weights to start from, by Python and by the keys, give the same fit to the last bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import seed_everything
from torch import Tensor, nn

from cl_lightning import MoCoV2, SimCLR, init_weights, load_backbone
from cl_lightning.blueprints import build
from cl_lightning.encoders import Encoder
from cl_lightning.runs import RunFolder
from cl_lightning.runs.assemble import assemble_callbacks, assemble_data
from cl_lightning.runs.contents import with_contents
from cl_lightning.train import train
from tests import small

pytestmark = pytest.mark.filterwarnings("ignore:.*Experiment logs directory")
QUIET = tuple(f"callbacks.{name}=null" for name in ("progress", "start_report", "health", "knn"))
METHODS = {"simclr": (SimCLR, ()), "moco_v2": (MoCoV2, small.SMALL_MOCO)}


def configured(root: Path, *overrides: str) -> dict[str, Any]:
    return small.config(*small.SMALL, *QUIET, f"run.root={root}", *overrides)


def state(run: Path) -> dict[str, Tensor]:
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of other images and settings, whose weights are those to start from."""
    config = configured(tmp_path_factory.mktemp("first"), "seed=5", "encoder.out_features=16")
    train(config)
    return RunFolder.of(config).path


def network(config: dict[str, Any]) -> nn.Module:
    return build(config["encoder"]["backbone"], "encoder.backbone")


def encoder(config: dict[str, Any], backbone: nn.Module) -> Encoder:
    settings = {k: v for k, v in config["encoder"].items() if k not in ("_target_", "name", "backbone")}
    return Encoder(backbone, **settings)


def method_in_python(config: dict[str, Any], kind: type[Any], encoder: Encoder) -> Any:
    parts = {part: build(config[part], part) for part in ("views", "loss", "optimizer", "schedule")}
    settings = {k: v for k, v in config["method"].items() if k not in ("_target_", "name")}
    method = kind(encoder=encoder, **parts, **settings)
    method.default_callbacks.clear()
    return method


def fitted(config: dict[str, Any], method: Any) -> dict[str, Tensor]:
    needed = {k: v for k, v in config["callbacks"].items() if k in ("momentum_encoder", "negative_queue")}
    callbacks = assemble_callbacks(config | {"callbacks": needed}, Path())
    small.trainer(*callbacks, max_epochs=1).fit(method, assemble_data(config))
    return method.state_dict()


def equal(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    assert ours.keys() == theirs.keys()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("name", METHODS)
def test_an_encoder_of_a_run_and_init_weights_and_the_keys_end_with_the_same_bits(
    first: Path, tmp_path: Path, name: str
) -> None:
    kind, overrides = METHODS[name]
    config = configured(tmp_path, *overrides, f"init.weights={first}")
    train(config)
    by_keys = state(RunFolder.of(with_contents(config)).path)

    seed_everything(config["seed"], verbose=False)
    loaded = fitted(config, method_in_python(config, kind, encoder(config, load_backbone(first))))
    seed_everything(config["seed"], verbose=False)
    method = method_in_python(config, kind, encoder(config, network(config)))
    init_weights(method, first, parts=["backbone"])
    begun = fitted(config, method)
    assert equal(loaded, by_keys)
    assert equal(begun, by_keys)
    seed_everything(config["seed"], verbose=False)
    without = fitted(config, method_in_python(config, kind, encoder(config, network(config))))
    assert not equal(without, by_keys)


def frozen_statistics(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n: t.clone() for n, t in state.items() if n.startswith("encoder.backbone.")}


@pytest.mark.filterwarnings("ignore:Found .* module.* in eval mode")  # as meant
@pytest.mark.parametrize("by", ["load_backbone", "init_weights"])
def test_a_frozen_backbone_stays_as_the_run_left_it_and_the_projector_learns(first: Path, by: str) -> None:
    config = configured(first.parent)
    if by == "load_backbone":
        method = method_in_python(config, SimCLR, encoder(config, load_backbone(first).requires_grad_(False)))
    else:
        method = method_in_python(config, SimCLR, encoder(config, network(config)))
        init_weights(method, first, parts=["backbone"])
        method.encoder.backbone.requires_grad_(False).eval()
    before = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    after = fitted(config, method)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("encoder.projector.") for name in changed)
    assert equal(frozen_statistics(after), frozen_statistics(state(first)))
    assert not method.encoder.backbone.training


def test_a_backbone_that_is_not_frozen_trains_in_training_mode_with_new_statistics(first: Path) -> None:
    config = configured(first.parent)
    method = method_in_python(config, SimCLR, encoder(config, load_backbone(first)))
    assert not method.encoder.backbone.training
    after, before = fitted(config, method), state(first)
    assert method.encoder.backbone.training
    counters = [name for name in after if name.endswith("num_batches_tracked") and "backbone" in name]
    assert [int(after[name] - before[name]) for name in counters] == [2] * len(counters)
    means = [name for name in after if name.endswith("running_mean") and "backbone" in name]
    assert means
    assert not any(torch.equal(after[name], before[name]) for name in means)
