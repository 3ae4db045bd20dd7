"""Parts of a user's package that a config named are found by the same names, or it is said what to give."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import cl_lightning
from cl_lightning import SimCLR, load_backbone
from cl_lightning.blueprints import ConfigError, allowed
from cl_lightning.encoders import Encoder, SmallConvNet
from cl_lightning.evaluate import main as cl_eval
from cl_lightning.runs import RunFolder
from cl_lightning.runs.contents import with_contents
from cl_lightning.train import train
from tests import small
from tests.checkpoints.own_nets import CODE, installed

OWN = {
    "backbone": {"_target_": "own_nets.Net", "width": 6},
    "views": {"_target_": "own_nets.Views", "size": 8},
    "loss": {"_target_": "own_nets.cooler", "_partial_": True, "temperature": 0.1},
}
pytestmark = pytest.mark.filterwarnings("ignore:.*Experiment logs directory")


def trained(root: Path, name: str = "own", **parts: Any) -> Path:
    """The folder of a run with parts of own_nets."""
    config = small.config(
        *small.SMALL, f"run.root={root}", f"run.name={name}", "callbacks.progress=null",
        "callbacks.start_report=null", "data.val.images=16",
    )  # fmt: skip
    config |= {key: parts[key] for key in ("views", "loss") if key in parts}
    config["encoder"] |= {key: parts[key] for key in ("backbone",) if key in parts}
    config |= {key: parts[key] for key in ("encoder", "init") if key in parts}
    for key, value in parts.get("more", {}).items():
        group, _, name = key.partition(".")
        config[group] |= {name: value}
    config = with_contents(config)
    train(config)
    return RunFolder.of(config).path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a network, views and a loss of own_nets, which an entry point has opened."""
    site = tmp_path_factory.mktemp("site")
    with installed(site, entry_point="own_nets"):
        return trained(tmp_path_factory.mktemp("runs"), **OWN)


@pytest.fixture(autouse=True)
def _nothing_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "_BY_SCRIPT", set())


def images() -> torch.Tensor:
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def weights(run: Path) -> dict[str, torch.Tensor]:
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    prefix = "encoder.backbone."
    return {name.removeprefix(prefix): w for name, w in content.items() if name.startswith(prefix)}


@pytest.mark.parametrize("by", ["entry point", "script"])
def test_a_network_that_is_allowed_is_found_by_its_name(run: Path, tmp_path: Path, by: str) -> None:
    with installed(tmp_path, entry_point="own_nets" if by == "entry point" else ""):
        if by == "script":
            cl_lightning.allow("own_nets")
        backbone = load_backbone(run)
        assert (type(backbone).__module__, backbone.features) == ("own_nets", 6)
        assert {n: w.tolist() for n, w in backbone.state_dict().items()} == {
            n: w.tolist() for n, w in weights(run).items()
        }
        assert (backbone.size, backbone.training) == (8, False)


def test_a_method_is_found_with_its_own_network_views_and_loss(run: Path, tmp_path: Path) -> None:
    with installed(tmp_path):
        cl_lightning.allow("own_nets")
        method = SimCLR.load_from_checkpoint(run)
        assert type(method.views).__name__ == "Views"
        assert (method.loss.func.__name__, method.loss.keywords) == ("cooler", {"temperature": 0.1})
        torch.testing.assert_close(method.encoder.backbone.eval()(images()), load_backbone(run)(images()))


def test_what_was_found_is_found_again_after_it_was_trained_on(run: Path, tmp_path: Path) -> None:
    with installed(tmp_path / "site"):
        cl_lightning.allow("own_nets")
        method = small.simclr(encoder=Encoder(load_backbone(run), hidden_features=8, out_features=4))
        trainer = small.trainer(max_steps=1)
        trainer.fit(method, small.data())
        trainer.save_checkpoint(tmp_path / "further.ckpt")
        again = load_backbone(tmp_path / "further.ckpt")
        torch.testing.assert_close(again(images()), method.encoder.backbone.eval()(images()))


def test_a_function_that_says_it_makes_a_network_is_called_again(tmp_path: Path) -> None:
    made = {"_target_": "own_nets.make_net", "width": 6}
    unsaid = made | {"_target_": "own_nets.unsaid_net"}
    with installed(tmp_path / "site", entry_point="own_nets"):
        assert load_backbone(trained(tmp_path, backbone=made)).features == 6
        other = trained(tmp_path, "unsaid", backbone=unsaid)
        with pytest.raises(ValueError, match=r"own_nets\.unsaid_net, .*annotated.*backbone=\.\.\.\)"):
            load_backbone(other)
        assert load_backbone(other, backbone=own_net()).features == 6
    with installed(tmp_path / "site", CODE.replace("int):", "int) -> nn.Module:"), "own_nets"):
        assert load_backbone(other).features == 6


@pytest.mark.slow
def test_own_networks_inside_each_other_and_an_own_encoder_are_found(tmp_path: Path) -> None:
    above = {"_target_": "own_nets.Above", "inner": OWN["backbone"]}
    ours = {"_target_": "cl_lightning.encoders.SmallConvNet", "widths": [4], "strides": [2], "channels": 3}
    layers, settings = {"_target_": "own_nets.layers", "width": 3}, {"encoder.features": 3}
    encoder = {"_target_": "own_nets.OwnEncoder", "name": "own", "width": 5, "out_features": 8}
    with installed(tmp_path / "site", entry_point="own_nets"):
        runs = [
            trained(tmp_path, "above", backbone=above),
            trained(tmp_path, "ours", backbone=above | {"inner": ours}),
            trained(tmp_path, "layers", backbone=layers, more=settings | {"encoder.checkpointing": True}),
            trained(tmp_path, "encoder", encoder=encoder),
        ]
        assert [load_backbone(run)(images()).shape[1] for run in runs] == [6, 4, 3, 5]
        for run in runs:
            method = SimCLR.load_from_checkpoint(run)
            backbone = method.encoder.backbone.eval()
            torch.testing.assert_close(backbone(images()), load_backbone(run)(images()))
    with pytest.raises(ValueError, match=r"own_nets\.OwnEncoder, whose package"):
        load_backbone(runs[-1])


def test_a_later_run_begins_with_an_own_network_by_its_name(run: Path, tmp_path: Path) -> None:
    init = {"weights": str(run), "parts": ["backbone"], "sha256": None}
    with installed(tmp_path / "site", entry_point="own_nets"):
        later = trained(tmp_path, backbone=OWN["backbone"], init=init)
        assert type(load_backbone(later)).__name__ == "Net"
    counters = [weights(folder)["norm.num_batches_tracked"].item() for folder in (run, later)]
    assert counters == [2, 4]


def test_a_run_goes_on_with_the_same_own_parts_only(run: Path, tmp_path: Path) -> None:
    longer = {"run.extend": str(run), "trainer.max_epochs": 2}
    cooler, wider = OWN["loss"] | {"temperature": 0.2}, OWN["backbone"] | {"width": 7}
    with installed(tmp_path / "site", entry_point="own_nets"):
        with pytest.raises(ConfigError, match=r"loss\.temperature: then 0\.1, now 0\.2"):
            trained(tmp_path, **OWN | {"loss": cooler}, more=longer)
        with pytest.raises(ConfigError, match=r"encoder\.backbone\.width: then 6, now 7"):
            trained(tmp_path, **OWN | {"backbone": wider}, more=longer)
        ours = {"_target_": "cl_lightning.losses.nt_xent", "_partial_": True, "temperature": 0.2}
        with pytest.raises(ConfigError, match=r"loss: then cooler\(temperature=0\.1\), now nt_xent"):
            trained(tmp_path, **OWN | {"loss": ours}, more=longer)
        assert weights(trained(tmp_path, **OWN, more=longer))["norm.num_batches_tracked"] == 4


def own_net(width: int = 6) -> nn.Module:
    import own_nets

    return own_nets.Net(width)


def advised(message: str) -> str:
    """What of `cl_lightning.allow(...)` a message advises."""
    (package,) = re.findall(r"cl_lightning\.allow\('(\w+)'\)", message)
    assert "cl_lightning.targets" in message
    return package


@pytest.mark.parametrize("load", [load_backbone, SimCLR.load_from_checkpoint])
def test_nothing_of_the_package_runs_until_it_is_allowed(run: Path, tmp_path: Path, load: Any) -> None:
    refusal = pytest.raises(ValueError, match=r"own_nets\.Net, which nothing allows here")
    with installed(tmp_path, "raise AssertionError('imported')\n"), refusal as refused:
        load(run)
    assert "\n" not in str(refused.value)
    with installed(tmp_path, entry_point=advised(str(refused.value))):
        load(run)
    with installed(tmp_path):
        cl_lightning.allow(advised(str(refused.value)))
        load(run)


def test_without_its_package_one_like_it_is_given(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"whose package own_nets is not there.*backbone=\.\.\."):
        load_backbone(run)
    with pytest.raises(ValueError, match=r"views= \(.*encoder= \(.*loss= \("):
        SimCLR.load_from_checkpoint(run)
    with installed(tmp_path):
        views, loss, net = (getattr(__import__("own_nets"), name) for name in ("Views", "cooler", "Net"))
    assert load_backbone(run, backbone=net(6)).features == 6
    like = Encoder(net(6), out_features=128)
    method = SimCLR.load_from_checkpoint(run, encoder=like, views=views(8), loss=loss)
    assert method.encoder is like


CHANGED = {
    "renamed": (CODE.replace("Net", "Network"), r"own_nets\.Net.*not there"),
    "broken": ("import not_installed_at_all\n", r"importing own_nets fails .*not_installed_at_all"),
    "other arguments": (
        CODE.replace("width: int,", "broad: int, width: str,"),
        r"width is 6; accepted: text",
    ),
    "no such argument": (CODE.replace("width", "breadth"), r"width is not an argument; accepted: breadth"),
    "one more argument": (CODE.replace("channels: int = 3", "channels: int"), r"channels"),
    "no network": (
        CODE.replace("class Net(nn.Module)", "class Net(dict)"),
        r"neither a torch\.nn\.Module nor",
    ),
    "fails": (CODE.replace("super().__init__()", "1 / 0"), r"division by zero"),
    "imported from elsewhere": ("from cl_lightning.encoders import ResNet as Net\n", r"defined elsewhere"),
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_package_that_has_changed_is_told_and_a_network_can_be_given(
    run: Path, tmp_path: Path, change: str
) -> None:
    code, words = CHANGED[change]
    with installed(tmp_path, code, "own_nets"), pytest.raises(ValueError, match=words) as refused:
        load_backbone(run)
    message = str(refused.value)
    assert message.startswith(f"{run / 'checkpoints' / 'last.ckpt'} was trained with own_nets.Net, ")
    assert "\n" not in message
    assert "load_backbone(path, backbone=...)" in message
    with installed(tmp_path):
        assert load_backbone(run, backbone=own_net()).features == 6


def test_weights_that_do_not_fit_the_network_of_today_are_an_error(run: Path, tmp_path: Path) -> None:
    changed = CODE.replace("(channels, width, 3)", "(channels, width, 5)")
    fits = r"does not fit; accepted: load_{}\(path, {}=\.\.\.\) (.|\n)*conv\.weight"
    with installed(tmp_path, changed, "own_nets"):
        with pytest.raises(ValueError, match=fits.format("backbone", "backbone")):
            load_backbone(run)
        with pytest.raises(ValueError, match=fits.format("from_checkpoint", "encoder")):
            SimCLR.load_from_checkpoint(run)


NET = {"_own_": "own_nets.Net", "_target_": "own_nets.Net"}
MALFORMED: list[dict[str, Any]] = [
    NET | {"width": 6, "_partial_": True},
    NET | {"_target_": ["own_nets.Net"], "width": 6},
    NET | {"_target_": {"own_nets": "Net"}},
    NET | {"_own_": 5, "_target_": None},
    {"_target_": "own_nets.Net", "width": 6},
    {"_target_": "cl_lightning.encoders.SmallConvNet", "_partial_": True},
    {},
]


@pytest.mark.parametrize("backbone", MALFORMED, ids=str)
def test_a_malformed_description_is_refused(run: Path, tmp_path: Path, backbone: dict[str, Any]) -> None:
    with installed(tmp_path / "site", entry_point="own_nets"):
        file = forged(run, tmp_path, backbone)
        with pytest.raises(ValueError, match="accepted"):
            load_backbone(file)
        assert load_backbone(file, backbone=own_net()).features == 6


def forged(run: Path, folder: Path, backbone: dict[str, Any]) -> Path:
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    content["cl_lightning"]["encoder"]["backbone"] = backbone
    torch.save(content, folder / "forged.ckpt")
    return folder / "forged.ckpt"


FORGED = {
    "os.system": {"command": "exit"},
    "own_nets.nn.Module": {},
    "own_nets.cooler": {"z_a": 1, "z_b": 1, "temperature": 1},
    "own_nets.Views": {"size": 8},
    "own_nets.unsaid_net": {"width": 6},
    "torch.load": {"f": "x", "weights_only": False},
    "cl_lightning.data.cifar10": {"root": "x"},
    "my_nets.Net": {},
    "__main__.Net": {},
}


@pytest.mark.parametrize("target", FORGED)
def test_the_author_of_a_checkpoint_chooses_networks_of_allowed_packages_only(
    run: Path, tmp_path: Path, target: str
) -> None:
    inner = {"_own_": target, "_target_": target} | FORGED[target]
    nested = NET | {"width": inner}
    for number, node in enumerate((inner, nested)):
        (tmp_path / str(number)).mkdir()
        file = forged(run, tmp_path / str(number), node)
        with installed(tmp_path / "site", entry_point="own_nets"):
            with pytest.raises(ValueError, match=re.escape(target)):
                load_backbone(file)
            assert load_backbone(file, backbone=own_net()).features == 6


def test_a_checkpoint_from_before_is_loaded_with_a_network_that_is_given(run: Path, tmp_path: Path) -> None:
    with installed(tmp_path / "site", entry_point="own_nets"):
        file = forged(run, tmp_path, {"_own_": "own_nets.Net"})
        with pytest.raises(ValueError, match=r"own_nets\.Net, .* does not say how .*backbone=\.\.\."):
            load_backbone(file)
        assert load_backbone(file, backbone=own_net()).features == 6


def test_a_network_that_only_python_made_is_given(tmp_path: Path) -> None:
    class Local(SmallConvNet):
        pass

    method = small.simclr(encoder=Encoder(Local((4,), (2,), 3), hidden_features=8, out_features=4))
    trainer = small.trainer(max_steps=1)
    trainer.fit(method, small.data())
    trainer.save_checkpoint(tmp_path / "some.ckpt")
    with pytest.raises(ValueError, match=r"Local, which the checkpoint does not say how to make"):
        load_backbone(tmp_path / "some.ckpt")
    assert load_backbone(tmp_path / "some.ckpt", backbone=Local((4,), (2,), 3)).features == 4


@pytest.mark.parametrize("by", ["entry point", "script"])
def test_the_end_of_a_training_tells_the_evaluation_that_finds_its_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    with installed(tmp_path / "site", entry_point="own_nets" if by == "entry point" else ""):
        if by == "script":
            cl_lightning.allow("own_nets")
        folder = trained(tmp_path, backbone=OWN["backbone"])
    script = " by a script that calls cl_lightning.allow('own_nets') and cl_lightning.evaluate.main()"
    end = capsys.readouterr().out.splitlines()[-1]
    assert end.endswith(f"cl-eval {folder}{script if by == 'script' else ''}")


def test_cl_eval_finds_own_parts_by_the_same_names_or_says_what_to_give(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once = ("--labels", "--draws", "1", "--to", str(tmp_path / "to"))
    with installed(tmp_path / "site"):
        with pytest.raises(SystemExit) as end:
            cl_eval([str(run), *once])
        told = str(end.value.code)
        assert str(run) in told
        assert "own_nets.Views" in told
        assert all(
            words in told for words in ("entry point", "cl_lightning.allow", "cl_lightning.evaluate.main")
        )
        cl_lightning.allow("own_nets")  # as the script does that it names
        cl_eval([str(run), *once])
        assert f"{run.name} (query)" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=rf"{run} can't be .*: views\._target_ .*importing own_nets fails"):
        cl_eval([str(run), *once])
