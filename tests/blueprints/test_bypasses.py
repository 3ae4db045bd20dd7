"""Ways around a list of names that are known of other programs, each with what it would do."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cl_lightning.blueprints import ConfigError, build, rebuild


class Gadget:
    """Touches a file when it is unpickled."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return Path.touch, (self.touched,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file to lose, and files that touch `touched` when they are unpickled."""
    (tmp_path / "precious").write_text("data")
    torch.save(Gadget(tmp_path / "touched"), tmp_path / "gadget.pt")
    np.save(tmp_path / "gadget.npy", np.array([Gadget(tmp_path / "touched")], dtype=object))
    return tmp_path


HARMFUL = {
    "torch.load": {"f": "gadget.pt", "weights_only": False},
    "numpy.load": {"file": "gadget.npy", "allow_pickle": True},
    "pathlib.Path.unlink": {"self": {"_target_": "pathlib.Path", "x": "precious"}},
    "os.remove": {"path": "precious"},
    "os.system": {"command": "touch touched; rm precious"},
    "builtins.open": {"file": "precious", "mode": "w"},
    "builtins.eval": {"source": "open('precious', 'w')"},
    "builtins.getattr": {"o": 1, "name": "x"},
    "code.InteractiveInterpreter": {},
    "torch.hub.load": {"repo_or_dir": ".", "model": "x", "source": "local"},
    "numpy.memmap": {"filename": "precious", "mode": "w+", "shape": [1]},
    "shutil.rmtree": {"path": "."},
    # The same by other names: of the module where they are defined, and of modules that import them.
    "torch.serialization.load": {"f": "gadget.pt", "weights_only": False},
    "posix.remove": {"path": "precious"},
    "pathlib._local.Path.unlink": {"self": "precious"},
    "cl_lightning.checkpoints.checkpoint.torch.load": {"f": "gadget.pt", "weights_only": False},
    "cl_lightning.blueprints.build.Path.unlink": {"self": "precious"},
    "cl_lightning.blueprints.build.import_module": {"name": "this"},
    "cl_lightning.data.images.torch.load": {"f": "gadget.pt", "weights_only": False},
    "lightning.pytorch.trainer.trainer.os.remove": {"path": "precious"},
    # Almost a name of the list.
    "torch.optim.AdamW.load_state_dict": {},
    "torch.optim.AdamW.__init__.__globals__": {},
    " torch.optim.AdamW": {},
    "torch.optim": {},
    "": {},
}
PLACES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "itself": lambda node: node,
    "to be called later": lambda node: node | {"_partial_": True},
    "an argument": lambda node: {"_target_": "torch.optim.SGD", "_partial_": True, "lr": node},
    "in a list": lambda node: {"_target_": "torch.optim.SGD", "_partial_": True, "params": [[node]]},
    "below other keys": lambda node: {"_target_": "torch.optim.SGD", "params": {"a": {"b": node}}},
    "an argument of one to be refused": lambda node: {"_target_": "torch.optim.SGD", "unheard": node},
    "a further argument": lambda node: {"_target_": "lightning.pytorch.strategies.DDPStrategy", "x": node},
}


@pytest.mark.parametrize("target", HARMFUL)
def test_nothing_harmful_is_called_wherever_it_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(folder)
    keys, makers = ("encoder", "data.train", "callbacks.own"), (build, rebuild)
    for put, key, make in product(PLACES.values(), keys, makers):
        with pytest.raises(ConfigError, match=r"_target_ is .*accepted"):
            make(put({"_target_": target} | HARMFUL[target]), key)
    assert (folder / "precious").read_text() == "data"
    assert not (folder / "touched").exists()


def test_the_harm_is_real(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    torch.load("gadget.pt", weights_only=False)
    assert (folder / "touched").exists()
    (folder / "touched").unlink()
    np.load("gadget.npy", allow_pickle=True)
    assert (folder / "touched").exists()


@pytest.mark.parametrize("target", ["torch.load", "my_nets.Net", "os.system", 5, None, ["torch.optim.SGD"]])
def test_a_refusal_is_short_and_tells_where_the_list_is(target: Any) -> None:
    with pytest.raises(ConfigError, match=r"OPTIONS of cl_lightning.s packages; .*cl_lightning\.allow") as e:
        build({"_target_": target}, "encoder.backbone")
    assert len(str(e.value)) < 350


@pytest.mark.parametrize("given", ["cl_lightning.encoders.Resnet", "timm.ResNet", "ResNet"])
def test_a_refusal_begins_with_the_names_that_are_near(given: str) -> None:
    with pytest.raises(ConfigError, match=r"accepted: (cl_[\w.]*, )*cl_lightning\.encoders\.ResNet[, ]"):
        build({"_target_": given}, "encoder.backbone")


@pytest.mark.parametrize(
    "target",
    [
        "lightning.pytorch.loggers.CSVLogger",
        "lightning.pytorch.Trainer",
        "cl_lightning.data.cifar10",
        "cl_lightning.callbacks.HealthMonitor",
    ],
)
def test_a_checkpoint_chooses_parts_of_a_method_only(target: str) -> None:
    with pytest.raises(ConfigError, match=r"encoder\._target_ is .*; accepted in a checkpoint"):
        rebuild({"_target_": target}, "encoder")
