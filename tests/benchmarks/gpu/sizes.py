"""How much each part of the GPU benchmark computes: on a GPU, and at toy size on a CPU."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cl_lightning.encoders import Encoder, ResNet, SmallConvNet


@dataclass(frozen=True)
class Sizes:
    """What is measured on which device.

    `batches` are numbers of images, each of which has two views. `views` are the pixels of a view, those of
    its image, and the images.
    """

    device: str
    matmul: int = 8192
    copied_mib: int = 4096
    views: Sequence[tuple[int, int, int]] = (
        (32, 32, 512),
        (224, 256, 256),
    )  # pixels, those of images, images
    pairs: Sequence[int] = (512, 2048, 8192, 32768)
    matrix: int = 16384  # pairs up to which the whole matrix is tried
    batches: Sequence[int] = (512, 128, 64)
    steps: tuple[int, int] = (20, 120)  # of a short and a long run
    workers: Sequence[int] = (8, 16)
    repeats: int = 10
    compiled: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {
            "compile": {},
            "compile, CUDA graph": {"mode": "reduce-overhead"},
            "max-autotune": {"mode": "max-autotune-no-cudagraphs"},
            "max-autotune, CUDA graph": {"mode": "max-autotune"},
        }
    )
    networks: bool = True  # ResNets; else a tiny network at 8 pixels
    seeds: Sequence[int] = (0, 1, 2)  # of each record
    short: Sequence[str] = ()  # what makes a record's run small

    def encoder(self, depth: int, stem: str = "cifar") -> Encoder:
        tiny = SmallConvNet(widths=(4, 8), strides=(2, 2), channels=3)
        backbone = ResNet(depth, stem=stem) if self.networks else tiny
        return Encoder(backbone, out_features=128).to(self.device)

    def side(self, pixels: int) -> int:
        return pixels if self.networks else 8


TOY = Sizes(
    device="cpu",
    matmul=16,
    copied_mib=1,
    views=((8, 8, 4),),
    pairs=(8, 16),
    batches=(4,),
    steps=(1, 3),
    workers=(0,),
    repeats=2,
    compiled={"compile": {"backend": "eager"}},
    networks=False,
    seeds=(0, 1),
    short=(
        *("data=synthetic", "data.size=8", "data.batch_size=8", "data.train.images=16", "data.val.images=8"),
        *("encoder=small_conv_net", "encoder.backbone.widths=[4,8]", "encoder.backbone.strides=[2,2]"),
        *("encoder.hidden_features=null", "encoder.batch_norm_groups=1", "encoder.batch_norm=sync"),
        *("trainer=cpu", "trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1", "callbacks.knn.k=4"),
        *("schedule.warmup_epochs=0", "logger=csv"),
    ),
)
SIZES = {"full": Sizes(device="cuda"), "toy": TOY}
