"""The trained encoder in the user's own code."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torchvision.models import resnet18

import cl_lightning
from cl_lightning import MoCoV2, SimCLR, load_backbone
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views
from cl_lightning.runs import RunFolder
from cl_lightning.train import train
from tests import small
from tests.small import SMALL, SMALL_MOCO, config

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Trained:
    """A method after a few steps, and its checkpoint."""

    def __init__(self, method: Any, folder: Path, *callbacks: Any, **settings: Any) -> None:
        trainer: Trainer = small.trainer(*callbacks, **settings)
        trainer.fit(method, small.data())
        self.method, self.trainer, self.file = method.eval(), trainer, folder / "some.ckpt"
        trainer.save_checkpoint(self.file, weights_only=False)


@pytest.fixture(scope="module")
def moco(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(small.moco(), tmp_path_factory.mktemp("moco"), *small.moco_callbacks())


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    torch.manual_seed(0)
    method = SimCLR(
        views=moco_v2_views(32), encoder=Encoder(ResNet(18)), optimizer=small.sgd, schedule=WarmupCosine()
    )
    return Trained(method, tmp_path_factory.mktemp("resnet"), max_steps=2)


def images(size: int = small.SIZE) -> torch.Tensor:
    return torch.rand(4, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_the_backbone_of_a_checkpoint_computes_what_the_trained_one_does(moco: Trained) -> None:
    backbone = load_backbone(moco.file)
    with torch.no_grad():
        assert torch.equal(backbone(images()), moco.method.encoder.backbone(images()))
    assert not backbone.training
    assert backbone.features == 16


def test_the_backbone_knows_its_input(moco: Trained) -> None:
    backbone = load_backbone(moco.file)
    assert (backbone.size, backbone.mean, backbone.std) == (small.SIZE, *IMAGENET)


def test_the_key_encoder_is_the_moving_average_not_the_trained_one(moco: Trained) -> None:
    key = moco.trainer.callbacks[0].encoder.eval()
    with torch.no_grad():
        features = load_backbone(moco.file, encoder="key")(images())
        assert torch.equal(features, key.backbone(images()))
        assert not torch.equal(features, load_backbone(moco.file)(images()))


def test_a_run_folder_gives_the_backbone_of_its_last_checkpoint(tmp_path: Path) -> None:
    run = config(*SMALL, *SMALL_MOCO, f"run.root={tmp_path}")
    train(run)
    folder = RunFolder.of(run)
    backbone, key = load_backbone(folder.path), load_backbone(str(folder.path), "key")
    saved = torch.load(folder.checkpoint, weights_only=True)
    for weights, source in ((backbone, saved["state_dict"]), (key, None)):
        for name, value in weights.state_dict().items():
            if source:
                assert torch.equal(value, source[f"encoder.backbone.{name}"])
            else:
                assert torch.equal(
                    value, saved["callbacks"]["MomentumEncoder"]["encoder"][f"backbone.{name}"]
                )
    assert (backbone.size, backbone.mean, backbone.std) == (8, (0.5,) * 3, (0.25,) * 3)


def test_a_resnet_with_imagenets_stem_loads_strictly_into_torchvisions(resnet: Trained) -> None:
    backbone = load_backbone(resnet.file)
    theirs = resnet18()
    theirs.fc = nn.Identity()
    theirs.load_state_dict(backbone.state_dict(), strict=True)
    theirs.eval()
    for size in (32, 224):
        assert torch.equal(backbone(images(size)), theirs(images(size)))


def test_fine_tuning_needs_no_batch_norm_groups(moco: Trained, tmp_path: Path) -> None:
    method = small.moco(batch_norm="shuffle", groups=4)
    trained = Trained(method, tmp_path, *small.moco_callbacks())
    backbone = load_backbone(trained.file).train()
    kinds = {type(m) for m in backbone.modules() if "BatchNorm" in type(m).__name__}
    assert kinds == {nn.BatchNorm2d}
    loss = backbone(images()[:3]).square().sum()  # three images, which four groups would refuse
    loss.backward()
    assert all(p.grad is not None for p in backbone.parameters())


@pytest.mark.parametrize(("precision", "dtype"), [("64-true", torch.float64), ("bf16-true", torch.float32)])
def test_precision_is_kept_and_half_precision_becomes_float32(
    precision: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    trained = Trained(small.simclr(), tmp_path, precision=precision, max_steps=2)
    backbone = load_backbone(trained.file)
    for name, weight in backbone.named_parameters():
        assert weight.dtype == dtype
        assert torch.equal(weight, trained.method.encoder.backbone.get_parameter(name).to(dtype))
    assert backbone(images().to(dtype)).isfinite().all()


class OwnBackbone(nn.Module):
    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)).relu().mean((2, 3))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    encoder = Encoder(OwnBackbone(), features=6, out_features=4)
    return Trained(small.simclr(encoder=encoder), tmp_path_factory.mktemp("own"))


def test_a_backbone_of_ones_own_gets_its_weights(own: Trained) -> None:
    backbone = load_backbone(own.file, backbone=OwnBackbone())
    torch.testing.assert_close(backbone(images()), own.method.encoder.backbone(images()))
    with pytest.raises(ValueError, match=r"OwnBackbone, .*accepted: load_backbone\(path, backbone=...\)"):
        load_backbone(own.file)


def test_what_ones_own_backbone_calls_mean_stays_its_own(own: Trained) -> None:
    backbone = OwnBackbone()
    backbone.register_buffer("mean", torch.ones(3), persistent=False)
    loaded = load_backbone(own.file, backbone=backbone)
    assert torch.equal(loaded.mean, torch.ones(3))
    assert (loaded.size, loaded.std) == (small.SIZE, IMAGENET[1])


def test_a_method_with_an_encoder_of_ones_own_is_loaded_when_that_is_given(own: Trained) -> None:
    with pytest.raises(ValueError, match=r"with encoder= \(.*OwnBackbone, "):
        SimCLR.load_from_checkpoint(own.file)
    again = SimCLR.load_from_checkpoint(
        own.file, encoder=Encoder(OwnBackbone(), features=6, out_features=4)
    ).eval()
    assert torch.equal(again.encoder(images()), own.method.encoder(images()))


def test_a_method_is_loaded_from_its_checkpoint_alone(moco: Trained) -> None:
    again = MoCoV2.load_from_checkpoint(moco.file).eval()
    assert torch.equal(again.encoder(images()), moco.method.encoder(images()))
    for name in ("views", "schedule", "symmetric", "seed", "decay_norms_and_biases"):
        assert getattr(again, name) == getattr(moco.method, name)
    one, other = (partial(loss) for loss in (again.loss, moco.method.loss))
    assert (one.func, one.keywords) == (other.func, other.keywords)
    assert again.optimizer.keywords == moco.method.optimizer.keywords


def test_a_loaded_method_goes_on_from_the_checkpoint(moco: Trained) -> None:
    again = MoCoV2.load_from_checkpoint(moco.file)
    callbacks = small.moco_callbacks()
    trainer = small.trainer(*callbacks, max_epochs=2)
    trainer.fit(again, small.data(), ckpt_path=moco.file, weights_only=True)
    assert trainer.global_step == 2 * moco.trainer.global_step
    assert callbacks[1].enqueued == 2 * moco.trainer.callbacks[1].enqueued


def test_given_arguments_win(moco: Trained) -> None:
    again = MoCoV2.load_from_checkpoint(moco.file, seed=7, optimizer=partial(torch.optim.AdamW, lr=1e-3))
    assert again.seed == 7
    assert again.optimizer.func is torch.optim.AdamW


def test_loading_is_always_strict_and_of_weights_only(moco: Trained) -> None:
    assert MoCoV2.load_from_checkpoint(moco.file, strict=True, weights_only=True).encoder.features == 16
    for wrong in ({"strict": False}, {"weights_only": False}):
        with pytest.raises(ValueError, match="accepted: true, both always"):
            MoCoV2.load_from_checkpoint(moco.file, **wrong)


def test_the_class_must_be_the_checkpoints(moco: Trained) -> None:
    with pytest.raises(ValueError, match=r"holds MoCoV2; accepted: MoCoV2.load_from_checkpoint"):
        SimCLR.load_from_checkpoint(moco.file)


def changed(trained: Trained, tmp_path: Path, change: Any) -> Path:
    content = torch.load(trained.file, weights_only=True)
    change(content)
    file = tmp_path / "changed.ckpt"
    torch.save(content, file)
    return file


def missing(content: dict[str, Any]) -> None:
    del content["state_dict"]["encoder.backbone.layers.0.0.weight"]


def unexpected(content: dict[str, Any]) -> None:
    content["state_dict"]["encoder.backbone.layers.9.weight"] = torch.zeros(1)


def renamed(content: dict[str, Any]) -> None:
    content["state_dict"] = {k.replace("encoder.", "model."): v for k, v in content["state_dict"].items()}


def misshapen(content: dict[str, Any]) -> None:
    content["state_dict"]["encoder.backbone.layers.0.0.weight"] = torch.zeros(2, 3, 3, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (missing, "Missing key.*layers.0.0.weight"),
        (unexpected, "Unexpected key.*layers.9.weight"),
        (renamed, "Missing key"),
        (misshapen, "size mismatch"),
    ],
)
def test_weights_that_do_not_fit_are_an_error(moco: Trained, tmp_path: Path, change: Any, words: str) -> None:
    file = changed(moco, tmp_path, change)
    for load in (load_backbone, MoCoV2.load_from_checkpoint):
        with pytest.raises(ValueError, match=f"(?s)changed.ckpt does not fit.*({words})"):
            load(file)


def test_a_key_encoder_with_a_weight_missing_is_an_error(moco: Trained, tmp_path: Path) -> None:
    def without(content: dict[str, Any]) -> None:
        del content["callbacks"]["MomentumEncoder"]["encoder"]["backbone.layers.0.0.weight"]

    with pytest.raises(ValueError, match="Missing key"):
        load_backbone(changed(moco, tmp_path, without), "key")


def test_what_is_no_checkpoint_of_ours_is_an_error(moco: Trained, resnet: Trained, tmp_path: Path) -> None:
    foreign = changed(moco, tmp_path, lambda content: content.pop("cl_lightning"))
    for load in (load_backbone, SimCLR.load_from_checkpoint):
        with pytest.raises(ValueError, match="does not say how its encoder is built"):
            load(foreign)
        with pytest.raises(ValueError, match=r"has no checkpoints/last\.ckpt"):
            load(tmp_path)
        with pytest.raises(ValueError, match=r"there is no .*nowhere"):
            load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="has no key encoder"):
        load_backbone(resnet.file, "key")
    with pytest.raises(ValueError, match="encoder is 'student'; accepted: query, key"):
        load_backbone(moco.file, "student")


def test_a_broken_file_and_one_with_code_are_an_error(moco: Trained, tmp_path: Path) -> None:
    half = tmp_path / "half.ckpt"
    half.write_bytes(moco.file.read_bytes()[:2000])
    code = tmp_path / "code.ckpt"
    torch.save({"state_dict": {}, "cl_lightning": OwnBackbone()}, code)
    with pytest.raises(ValueError, match="is no complete checkpoint"):
        load_backbone(half)
    with pytest.raises(ValueError, match=r"holds a .*OwnBackbone, and only tensors and plain containers are"):
        load_backbone(code)


def test_a_blueprint_in_a_checkpoint_chooses_no_code(moco: Trained, tmp_path: Path) -> None:
    touched = tmp_path / "touched"

    def gadget(content: dict[str, Any]) -> None:
        for encoder in (content["cl_lightning"]["arguments"]["encoder"], content["cl_lightning"]["encoder"]):
            encoder["backbone"] = {"_target_": "os.system", "command": f"touch {touched}"}

    file = changed(moco, tmp_path, gadget)
    for load in (load_backbone, MoCoV2.load_from_checkpoint):
        with pytest.raises(ValueError, match=r"_target_ is 'os\.system'; accepted"):
            load(file)
    assert not touched.exists()


def test_a_copied_run_folder_is_read_without_the_first(moco: Trained, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(moco.file, tmp_path / "checkpoints" / "last.ckpt")
    assert torch.equal(load_backbone(tmp_path)(images()), load_backbone(moco.file)(images()))


class Tuned(SimCLR):
    """A user's subclass that passes all but its own argument on."""

    def __init__(self, margin: float = 1.0, **parts: Any) -> None:
        super().__init__(**parts)
        self.margin = margin


class Fixed(SimCLR):
    """A user's subclass that makes its parts itself."""

    def __init__(self) -> None:
        super().__init__(
            moco_v2_views(small.SIZE), small.encoder(), schedule=WarmupCosine(), optimizer=small.sgd
        )


@pytest.mark.parametrize("kind", [Tuned, Fixed])
def test_a_users_subclass_is_loaded_with_all_its_parts(kind: type[Any], tmp_path: Path) -> None:
    parts = {"views": moco_v2_views(small.SIZE), "encoder": small.encoder(), "schedule": WarmupCosine()}
    method = kind(margin=0.5, optimizer=small.sgd, **parts) if kind is Tuned else kind()
    trained = Trained(method, tmp_path, max_steps=2)
    again = kind.load_from_checkpoint(trained.file).eval()
    assert torch.equal(again.encoder(images()), trained.method.encoder(images()))
    assert again.optimizer.keywords == small.sgd.keywords
    assert getattr(again, "margin", 0.5) == 0.5
    assert torch.equal(load_backbone(trained.file)(images()), trained.method.encoder.backbone(images()))


class Compiled(nn.Module):
    """The shape of what torch.compile gives; the compiler itself and jaxtyping's checks don't go together."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._orig_mod = network
        self.features = network.features

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._orig_mod(x)


def test_a_compiled_backbone_is_loaded_as_the_plain_one(tmp_path: Path) -> None:
    encoder = small.encoder()
    encoder.backbone = Compiled(encoder.backbone)
    trained = Trained(small.simclr(encoder=encoder), tmp_path, max_steps=2)
    assert any("_orig_mod" in name for name in torch.load(trained.file, weights_only=True)["state_dict"])
    torch.testing.assert_close(load_backbone(trained.file)(images()), encoder.backbone(images()))
    again = SimCLR.load_from_checkpoint(trained.file).eval()
    torch.testing.assert_close(again.encoder(images()), trained.method.encoder(images()))


def test_tensors_of_own_views_become_numbers(tmp_path: Path) -> None:
    method = small.simclr()
    views = method.views

    class Own:
        size, mean, std = 8, torch.tensor([0.5, 0.25, 0.125]), [torch.tensor(0.5)] * 3

        def __call__(self, *arguments: Any) -> Any:
            return views(*arguments)

    method.views = Own()
    backbone = load_backbone(Trained(method, tmp_path, max_steps=1).file)
    assert (backbone.size, backbone.mean, backbone.std) == (8, (0.5, 0.25, 0.125), (0.5, 0.5, 0.5))


def test_the_name_is_public() -> None:
    assert cl_lightning.load_backbone is load_backbone
    assert {"SimCLR", "MoCoV2", "load_backbone"} <= set(cl_lightning.__all__)
