import pytest
import torch

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder
from cl_lightning.runs.assemble import assemble_trainer
from cl_lightning.runs.identity import flat
from cl_lightning.train import train
from tests.small import OPTIONS, SMALL, SMALL_MOCO, SMALL_NNCLR, config, synthetic_data

DEEPER = ("resnet34", "resnet101", "resnet152")  # of the blocks that resnet18 and resnet50 have
GROUPS = sorted(
    {g for g, _ in OPTIONS} - {"experiment", "trainer", "method", "init"}
)  # test_contents has the last
TRAINED = [(g, o) for g, o in OPTIONS if g in GROUPS and o not in DEEPER]
WITH_GPU = ("gpu", "ddp")


def overrides(group: str, option: str) -> list[str]:
    """A small run with this option; what belongs to another option is left out."""
    choice = [f"{group}={option}"]
    if option.endswith("info_nce") or (group, option) == ("callbacks", "moco_v2"):
        choice += SMALL_MOCO
    if option == "neighbour_nce":
        choice += SMALL_NNCLR
    clash = {"encoder": "encoder", "data": "data", "logger": "logger"}.get(group, "-")
    small = [o for o in SMALL if not o.startswith(clash)]
    if group == "views" and option == "digits":
        small += ["data.channels=1", "data.mean=[0.0]", "data.std=[0.3]"]
    if (group, option) == ("encoder", "timm"):
        choice += ["encoder.backbone.model=resnet10t", "data.size=16"]
    if (group, option) == ("logger", "wandb"):
        choice += ["logger.wandb.offline=true"]
    return [*small, *choice]


@pytest.mark.parametrize(("group", "option"), TRAINED, ids=map("=".join, TRAINED))
def test_every_option_trains_two_steps(group: str, option: str) -> None:
    own = ["data.train._target_=of.the.user"] if option == "custom" else []
    run = config(*overrides(group, option), *own)
    synthetic_data(run)
    assert train(run)["steps"] == 2


@pytest.mark.parametrize("option", DEEPER)
def test_an_encoder_of_more_layers_is_else_resnet50(option: str) -> None:
    one, other = (flat(config(f"encoder={name}")["encoder"]) for name in (option, "resnet50"))
    assert {key for key in one | other if one.get(key) != other.get(key)} == {"name", "backbone.depth"}
    assert one["backbone.depth"] == int(option.removeprefix("resnet"))


@pytest.mark.parametrize("symmetric", [False, True])
def test_moco_v2_trains(symmetric: bool) -> None:
    run = config(*SMALL, *SMALL_MOCO, f"method.symmetric={str(symmetric).lower()}")
    assert train(run)["method"] == "moco_v2"


@pytest.mark.parametrize("option", [o for g, o in OPTIONS if g == "trainer" and o not in WITH_GPU])
def test_every_trainer_without_a_gpu_is_built(option: str) -> None:
    run = config(*(o for o in SMALL if o != "trainer=cpu"), f"trainer={option}")
    trainer = assemble_trainer(run, RunFolder.of(run))
    assert trainer.world_size == (2 if option == "ddp_cpu" else 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
@pytest.mark.parametrize("option", WITH_GPU)
def test_a_gpu_asked_for_where_there_is_none_is_refused(option: str) -> None:
    run = config(*(o for o in SMALL if o != "trainer=cpu"), f"trainer={option}")
    with pytest.raises(ConfigError, match="torch sees no GPU; accepted: trainer=cpu or trainer=auto"):
        train(run)
