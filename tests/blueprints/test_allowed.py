"""Whose classes and functions a config may name: what a package's entry point or a script says."""

import copy
import json
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cl_lightning
from cl_lightning.blueprints import ConfigError, build, describe, find_own, rebuild
from cl_lightning.encoders import Encoder
from tests.blueprints.installed import forgotten, install
from tests.cli.command import SMALL, cl_train

NET = {"_target_": "my_nets.models.Net", "widths": [4], "strides": [1]}
MAKE = {"_target_": "my_nets.models.make_net", "widths": [4]}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages that is among those where Python looks."""
    monkeypatch.setattr("cl_lightning.blueprints.allowed._BY_SCRIPT", set())
    monkeypatch.syspath_prepend(tmp_path)
    with forgotten():
        yield tmp_path


def name_of(node: dict[str, Any]) -> str:
    return type(build(node, "encoder.backbone")).__name__


@pytest.mark.parametrize("value", ["my_nets", "my_nets.models"])
def test_an_entry_point_allows_what_its_package_or_module_defines(site: Path, value: str) -> None:
    install(site, value)
    assert [name_of(NET), name_of(MAKE)] == ["Net", "Net"]
    inside = {"_target_": "cl_lightning.encoders.Encoder", "backbone": NET}
    assert build(inside, "encoder").features == 4


def test_an_entry_point_may_allow_one_name_only(site: Path) -> None:
    install(site, "my_nets.models:Net")
    assert name_of(NET) == "Net"
    with pytest.raises(
        ConfigError, match=r"is 'my_nets\.models\.make_net'; accepted: .*\(now my_nets\.models"
    ):
        build(MAKE, "encoder.backbone")


def test_a_script_allows_a_package(site: Path) -> None:
    install(site)
    for key in ("encoder.backbone", "data.bank.x"):
        with pytest.raises(ConfigError, match=r"'my_nets\.models\.Net'; accepted: .* or cl_lightning\.allow"):
            build(NET, key)
    assert "my_nets" not in sys.modules  # refused before anything of it runs
    cl_lightning.allow("my_nets")
    assert name_of(NET | {"_target_": "my_nets.Net"}) == "Net"


def test_data_sets_of_an_allowed_package_need_no_annotation(site: Path) -> None:
    install(site)
    for name in ("my_nets.Photos", "my_nets.photos"):
        with pytest.raises(ConfigError, match="makes no data set"):
            build({"_target_": name}, "data.train")
    cl_lightning.allow("my_nets")
    assert [len(build({"_target_": f"my_nets.{n}"}, "data.val")) for n in ("Photos", "photos")] == [3, 3]


REFUSED = {
    "my_nets.load": "defined elsewhere, as torch.serialization.load",
    "my_nets.numpy_load": "defined elsewhere, as numpy.load",
    "my_nets.unlink": "defined elsewhere, as pathlib.*Path.unlink",
    "my_nets.system": "defined elsewhere, as (posix|nt).system",
    "my_nets.Optimizer": r"defined elsewhere, as torch\.optim",
    "my_nets.loader": "an instance of partial",
    "my_nets.net": "an instance of Net",
    "my_nets.torch": "an instance of module",
    "my_nets.models": "an instance of module",
    "my_nets.Nett": "not there",
    "my_nets.torch.load": r"importing my_nets\.torch fails \(ModuleNotFoundError",
    "my_nets.os.system": r"importing my_nets\.os fails",
    "my_nets.models.Net.remove": r"importing my_nets\.models\.Net fails",
    "my_nets.broken.Net": r"importing my_nets\.broken fails .*not_installed_at_all",
    "my_nets.models._hidden": r"'my_nets\.models\._hidden'; accepted",
    "my_nets.__main__.main": r"'my_nets\.__main__\.main'; accepted",
    "my_nets.models.__builtins__": "'; accepted",
    "my_nets": r"'my_nets'; accepted",
    "my_netsuite.Net": r"'my_netsuite\.Net'; accepted",
    "my_nets..models.Net": "'; accepted",
}


@pytest.mark.parametrize("target", REFUSED)
def test_nothing_but_what_an_allowed_package_defines_itself(site: Path, target: str) -> None:
    install(site, "my_nets")
    with pytest.raises(ConfigError, match=rf"_target_ is .*({REFUSED[target]})") as caught:
        build({"_target_": target, "_partial_": True}, "encoder.backbone")
    assert "\n" not in str(caught.value)
    if not target.startswith("my_netsuite"):  # any other module may be asked for a data set
        with pytest.raises(ConfigError, match=r"_target_ is .*accepted: MODULE\.NAME"):
            build({"_target_": target, "_partial_": True}, "data.train")


@pytest.mark.parametrize(
    "package",
    ["my_netz", "my_nets.missing", "no.where", "os", "os.path", "", "my nets", "..my_nets", "__main__"],
)
def test_a_script_can_allow_only_what_is_installed(site: Path, package: str) -> None:
    install(site)
    with pytest.raises(ValueError, match=r"allow got .*; accepted: the name of an installed package"):
        cl_lightning.allow(package)


def test_an_entry_point_does_not_open_the_standard_library(site: Path) -> None:
    install(site, "os", "subprocess:run", "my_nets")
    for target in ("os.execvp", "os.system", "subprocess.run"):
        with pytest.raises(ConfigError, match=r"accepted: .*\(now my_nets\)"):
            build({"_target_": target}, "x")


def test_a_config_can_allow_nothing(site: Path) -> None:
    install(site)
    for target in (
        "cl_lightning.allow",
        "cl_lightning.blueprints.allow",
        "cl_lightning.blueprints.allowed.allow",
    ):
        for key in ("encoder", "data.train"):
            with pytest.raises(ConfigError, match=r"_target_ is .*accepted"):
                build({"_target_": target, "package": "my_nets"}, key)


def test_the_description_of_an_own_part_says_what_made_it_also_that_of_a_copy(site: Path) -> None:
    install(site, "my_nets")
    for node, made in ((NET, build(NET, "x")), (MAKE, build(MAKE, "x"))):
        for part in (made, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert describe(part) == {"_own_": node["_target_"]} | node
    later = build(MAKE | {"_partial_": True}, "x")
    assert describe(later) == {"_own_": "my_nets.models.make_net", "_partial_": True} | MAKE
    assert describe(type(build(NET, "x"))([4], [1])) == {"_own_": "my_nets.models.Net"}  # made in Python
    assert build({"_target_": "my_nets.models.count"}, "x") == 3  # it can't be marked, and needs not


def test_a_checkpoint_names_what_is_allowed_only_as_the_users_own_part(site: Path) -> None:
    install(site, "my_nets")
    blueprint = describe(Encoder(build(NET, "x"), features=4))
    assert find_own(blueprint) == "my_nets.models.Net"  # the user gives it
    with pytest.raises(
        ConfigError, match=r"'my_nets\.models\.Net'; accepted in a checkpoint: cl_lightning's"
    ):
        rebuild({"_target_": "cl_lightning.encoders.Encoder", "backbone": NET}, "encoder")


PAGE = (Path(__file__).parents[2] / "docs" / "own-classes.md").read_text(encoding="utf-8")
SCRIPT, EVALUATION = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
LOSS = """
from cl_lightning.losses import nt_xent


def cooler(z_a, z_b, temperature):
    return nt_xent(z_a, z_b, 2 * temperature)
"""


def test_commands_train_and_evaluate_an_entry_points_network_with_a_scripts_loss(tmp_path: Path) -> None:
    install(tmp_path / "site", "my_nets")
    (tmp_path / "own_losses.py").write_text(LOSS)
    (tmp_path / "my_train.py").write_text(SCRIPT.replace("my_nets", "own_losses"))
    (tmp_path / "my_eval.py").write_text(EVALUATION.replace("my_nets", "own_losses"))
    site = str(tmp_path / "site")
    own = ["encoder.backbone._target_=my_nets.models.Net", "loss._target_=own_losses.cooler"]
    ran = cl_train(
        tmp_path, *SMALL, "trainer=cpu", *own, command=[sys.executable, "my_train.py"],
        PYTHONPATH=site,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    (summary,) = tmp_path.glob("runs/*/summary.json")
    assert json.loads(summary.read_text())["loss"] > 0
    once = [str(summary.parent), "--labels", "--draws", "1"]
    ran = cl_train(tmp_path, *once, command=[sys.executable, "my_eval.py"], PYTHONPATH=site)
    assert ran.returncode == 0, ran.stderr
    assert (summary.parent / "evaluation-query.json").is_file()
