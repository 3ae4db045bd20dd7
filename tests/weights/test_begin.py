"""`init_weights` with our own runs and with bad input."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import Tensor

from cl_lightning import init_weights
from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks import NegativeQueue
from cl_lightning.callbacks.method_state import MethodState
from cl_lightning.callbacks.support_set import SupportSet
from cl_lightning.encoders import Encoder, ResNet, SmallConvNet
from cl_lightning.methods import SimCLR
from cl_lightning.pairs import moco_v2_views
from tests import small
from tests.weights.foreign import torchvisions


def fitted(method: Any, *callbacks: Any, **settings: Any) -> Any:
    trainer = small.trainer(*callbacks, **settings)
    trainer.fit(method, datamodule=small.data())
    return trainer


@pytest.fixture(scope="module")
def moco_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a MoCo v2 with 48 of 56 keys."""
    path = tmp_path_factory.mktemp("moco") / "moco.ckpt"
    fitted(small.moco(), *small.moco_callbacks(length=56), max_steps=3).save_checkpoint(path)
    return path


def state_of(file: Path) -> dict[str, Any]:
    return torch.load(file, weights_only=True)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(w, other[name]) for name, w in one.items())


class AtStart(Callback):
    """A copy of the method's states before the first step."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.states = copy.deepcopy([c.state_dict() for c in trainer.callbacks if isinstance(c, MethodState)])
        self.encoder = copy.deepcopy(pl_module.encoder.state_dict())


def started(method: Any, ckpt_path: Path | None = None) -> AtStart:
    """The states after the start of a fit of one step."""
    seen, steps = AtStart(), 1 if ckpt_path is None else 4
    trainer = small.trainer(*small.moco_callbacks(length=56), seen, max_steps=steps)
    trainer.fit(method, datamodule=small.data(), ckpt_path=ckpt_path, weights_only=True)
    return seen


def test_all_parts_of_a_run_are_those_of_its_checkpoint(moco_file: Path) -> None:
    content, method = state_of(moco_file), small.moco()
    init_weights(method, moco_file, "all")
    assert same(method.state_dict(), content["state_dict"])
    key, queue = started(method).states
    callbacks = content["callbacks"]
    assert same(key["encoder"], callbacks["MomentumEncoder"]["encoder"])
    assert torch.equal(queue["keys"], callbacks["NegativeQueue"]["keys"])
    assert (queue["pointer"], queue["enqueued"], queue["steps"]) == (48, 48, 0)
    assert queue["entered"].tolist() == [0] * 48 + [-1] * 8, "its keys are as old as the start"


def test_a_second_fit_begins_anew(moco_file: Path) -> None:
    method = small.moco()
    init_weights(method, moco_file, "all")
    for keys in (48, 0):
        _, queue = started(method).states
        assert queue["enqueued"] == keys
        assert method.begun is None


def test_a_resumed_fit_takes_the_states_of_its_checkpoint(moco_file: Path) -> None:
    method = small.moco()
    init_weights(method, moco_file, ["queue"])
    method.begins_with["queue"]["keys"] = -method.begins_with["queue"]["keys"]
    _, queue = started(method, ckpt_path=moco_file).states
    assert torch.equal(queue["keys"], state_of(moco_file)["callbacks"]["NegativeQueue"]["keys"])
    assert not method.begins_with


def test_without_its_part_the_key_encoder_is_a_copy(moco_file: Path) -> None:
    method = small.moco()
    init_weights(method, moco_file, ["backbone", "projector"])
    seen = started(method)
    assert same(seen.states[0]["encoder"], seen.encoder)


def test_parts_that_are_not_named_stay(moco_file: Path) -> None:
    method = small.moco()
    before = {name: w.clone() for name, w in method.state_dict().items()}
    init_weights(method, moco_file, ["projector"])
    changed = {name for name, w in method.state_dict().items() if not torch.equal(w, before[name])}
    assert changed
    assert all(name.startswith("encoder.projector.") for name in changed)


def test_nnclr_begins_with_predictor_and_support_set_of_a_run(tmp_path: Path) -> None:
    one, other = small.nnclr(), small.nnclr()
    fitted(one).save_checkpoint(tmp_path / "run.ckpt")
    init_weights(other, tmp_path / "run.ckpt", "all")
    assert same(one.state_dict(), other.state_dict())
    assert torch.equal(other.begins_with["support_set"]["keys"], one.attached(SupportSet).keys)


def test_a_run_of_another_method_gives_the_parts_that_both_have(tmp_path: Path) -> None:
    one, other = small.simclr(), small.moco()
    fitted(one).save_checkpoint(tmp_path / "run.ckpt")
    begun = init_weights(other, tmp_path / "run.ckpt", ["backbone", "projector"])
    assert same(one.encoder.state_dict(), other.encoder.state_dict())
    assert "SimCLR" in begun.source
    with pytest.raises(ConfigError, match="has no key_encoder"):
        init_weights(other, tmp_path / "run.ckpt", "all")


def test_other_images_are_told(moco_file: Path) -> None:
    method = SimCLR(views=moco_v2_views(16), encoder=small.encoder())
    lines = init_weights(method, moco_file).lines
    assert ("differs", "size of the images: 8 there, 16 here") in lines


def test_rounding_is_told(moco_file: Path, tmp_path: Path) -> None:
    weights = {name: w.double() for name, w in state_of(moco_file)["state_dict"].items()}
    torch.save(weights, tmp_path / "file.pth")
    method = small.moco()
    assert "rounded" in dict(init_weights(method, tmp_path / "file.pth").lines)["differs"]
    assert method.dtype == torch.float32


def test_a_queue_of_another_length_is_refused_before_the_fit(moco_file: Path) -> None:
    method, queue = small.moco(), NegativeQueue(80)
    init_weights(method, moco_file, ["queue"])
    with pytest.raises(ValueError, match=r"length is 80.*accepted: callbacks.negative_queue.length=56"):
        queue.check(method, 16)


def test_a_method_that_has_begun_can_be_pickled(moco_file: Path) -> None:
    method = small.moco()
    init_weights(method, moco_file, "all")
    again = pickle.loads(pickle.dumps(method))
    assert same(again.begins_with["key_encoder"]["encoder"], method.begins_with["key_encoder"]["encoder"])


REFUSED = {
    "another width": (lambda: Encoder(SmallConvNet((8, 32), (2, 2), 3)), r"\[16, 8, 3, 3\] there, \[32, 8"),
    "fewer layers": (lambda: Encoder(SmallConvNet((8,), (2,), 3)), r"left over: layers\.2\.0\.weight"),
    "more layers": (
        lambda: Encoder(SmallConvNet((8, 16, 16), (2, 2, 1), 3)),
        r"missing: layers\.4\.0\.weight",
    ),
    "another network": (lambda: Encoder(ResNet(18)), "holds no network like this"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_another_architecture_is_refused_and_changes_nothing(case: str, moco_file: Path) -> None:
    make, message = REFUSED[case]
    method = SimCLR(views=moco_v2_views(8), encoder=make())
    before = [w.clone() for w in method.state_dict().values()]
    with pytest.raises(ConfigError, match=message):
        init_weights(method, moco_file)
    assert all(map(torch.equal, before, method.state_dict().values()))


def test_a_larger_resnet_is_refused_though_all_names_are_there(tmp_path: Path) -> None:
    torch.save(ResNet(34).state_dict(), tmp_path / "file.pth")
    with pytest.raises(ConfigError, match=r"left over: layer1\.2.*encoder=resnet34"):
        init_weights(SimCLR(encoder=Encoder(ResNet(18))), tmp_path / "file.pth")


def test_the_config_that_fits_is_named_for_a_projector(moco_file: Path) -> None:
    method = SimCLR(views=moco_v2_views(8), encoder=Encoder(small.encoder().backbone, layers=3))
    fitting = (
        "encoder.layers=2 encoder.hidden_features=16 encoder.out_features=8 encoder.projector_batch_norm="
    )
    with pytest.raises(ConfigError, match=fitting):
        init_weights(method, moco_file, ["projector"])


def test_no_config_is_named_for_a_projector_that_ours_cannot_be(tmp_path: Path) -> None:
    method = small.simclr()
    backbone = {f"backbone.{name}": w for name, w in method.encoder.backbone.state_dict().items()}
    one, other = torch.zeros(8, 16), torch.zeros(8, 4)  # the second does not take what the first gives
    layers = {"projector.0.weight": one, "projector.2.weight": other}
    torch.save(backbone | layers, tmp_path / "file.pth")
    with pytest.raises(ConfigError, match=r"another projector.*accepted: init\.parts without projector"):
        init_weights(method, tmp_path / "file.pth", ["projector"])


@pytest.mark.parametrize("parts", ["backbone", [], ["head"], ["backbone", "queue"], [["backbone"]], 3, None])
def test_unknown_parts_are_refused(parts: Any, moco_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"init\.parts is .*backbone, projector"):
        init_weights(small.simclr(), moco_file, parts)


def broken(kind: str, moco_file: Path, path: Path) -> Path:
    """A file that can't be used."""
    whole = moco_file.read_bytes()
    if kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "a flipped bit":
        place = whole.index(b"data/1") + 200
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
    elif kind == "truncated safetensors":
        path.write_bytes((999).to_bytes(8, "little") + b'{"a": {"dtype": "F32"')
    elif kind == "no weights":
        torch.save({"epoch": 3, "names": ["a"]}, path)
    elif kind == "a list":
        torch.save([torch.zeros(2)], path)
    elif kind == "not finite":
        content = state_of(moco_file)
        next(iter(content["state_dict"].values()))[0] = torch.nan
        torch.save(content, path)
    elif kind == "text":
        path.write_text("conv1.weight\n")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "a folder":
        path.mkdir()
    return path


KINDS = (
    *("truncated", "a flipped bit", "truncated safetensors", "no weights", "a list", "text", "empty"),
    *("a folder", "missing", "not finite"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_is_refused_by_its_name(kind: str, moco_file: Path, tmp_path: Path) -> None:
    method = small.moco()
    before = [w.clone() for w in method.state_dict().values()]
    with pytest.raises(ConfigError, match=r"file\.pth.*accepted: "):
        init_weights(method, broken(kind, moco_file, tmp_path / "file.pth"))
    assert all(map(torch.equal, before, method.state_dict().values()))


@pytest.mark.parametrize("weights", [None, 3, b"file.pth", {"conv1.weight": torch.zeros(2)}])
def test_what_is_no_path_is_refused_without_its_content(weights: Any) -> None:
    with pytest.raises(ConfigError, match=r"init\.weights is a \w+; accepted"):
        init_weights(small.simclr(), weights)


def test_in_a_run_only_its_backbone_is_taken_for_one(moco_file: Path) -> None:
    """A linear layer has the names of a projector's."""
    linear = torch.nn.Sequential(torch.nn.Linear(16, 8))
    linear.features = 8  # type: ignore[assignment]
    method = SimCLR(views=moco_v2_views(8), encoder=Encoder(linear))
    with pytest.raises(ConfigError, match="holds no network like this"):
        init_weights(method, moco_file)


FORMS = {
    "sparse": lambda w: w.to_sparse(),
    "complex": lambda w: w.to(torch.complex64),
    "without values": lambda w: w.to("meta"),
    "in 8 bits": lambda w: w.to(torch.float8_e4m3fn),
    "of whole numbers": lambda w: w.to(torch.int8),
}


@pytest.mark.filterwarnings("ignore:Validating sparse")
@pytest.mark.parametrize("form", FORMS)
def test_weights_that_are_no_dense_real_numbers_are_refused(form: str, tmp_path: Path) -> None:
    method = small.simclr()
    before = [w.clone() for w in method.state_dict().values()]
    weights = method.encoder.backbone.state_dict()
    torch.save({name: FORMS[form](w) for name, w in weights.items()}, tmp_path / "file.pth")
    with pytest.raises(ConfigError, match=rf"file\.pth, which holds layers\.0\.0\.weight, which is {form}"):
        init_weights(method, tmp_path / "file.pth")
    assert all(map(torch.equal, before, method.state_dict().values()))


def test_torch_s_advice_to_run_code_is_not_passed_on(tmp_path: Path) -> None:
    (tmp_path / "file.pth").write_text('{"conv1.weight": [1.0]}')
    with pytest.raises(ConfigError) as refused:
        init_weights(small.simclr(), tmp_path / "file.pth")
    assert "weights_only" not in str(refused.value)


def test_a_broken_checkpoint_of_a_run_is_refused_with_the_key(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"init\.weights is .*last\.ckpt"):
        init_weights(small.simclr(), tmp_path)


class Evil:
    """Runs code where it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("new_form", [True, False])
def test_code_in_a_file_does_not_run(new_form: bool, tmp_path: Path) -> None:
    content = {"state_dict": torchvisions().content, "hyper_parameters": Evil(tmp_path / "ran")}
    torch.save(content, tmp_path / "file.pth", _use_new_zipfile_serialization=new_form)
    with pytest.raises(ConfigError, match=r"file\.pth"):
        init_weights(SimCLR(), tmp_path / "file.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_the_advised_conversion_makes_a_file_that_is_read(tmp_path: Path, monkeypatch: Any) -> None:
    from types import SimpleNamespace

    file = torchvisions()
    inside = {"net": file.content, "other": torch.nn.Linear(2, 2)}
    torch.save({"opt": SimpleNamespace(lr=1.0), "nets": inside}, tmp_path / "it's code.pth.tar")
    method = SimCLR()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        init_weights(method, "it's code.pth.tar")
    advice = str(refused.value).partition("trust it: ")[2]
    program = advice.replace("python ", f"{sys.executable} ", 1)
    subprocess.run(["sh", "-c", program], check=True, cwd=tmp_path)
    init_weights(method, "it's code-weights.pt")
    assert torch.equal(method.encoder.backbone.conv1.weight, file.content["conv1.weight"])


def test_what_is_no_method_is_refused(moco_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"SmallConvNet.*load_backbone"):
        init_weights(SmallConvNet(), moco_file)
