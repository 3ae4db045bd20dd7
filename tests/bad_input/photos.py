"""Folders of photos, some of them bad, and the small run that is to meet them."""

import struct
import zlib
from pathlib import Path

from PIL import Image

from tests.data.photos import write_photos

SMALL = (
    *("data=image_folder", "data.size=8", "data.batch_size=4", "data.num_workers=0", "data.root=photos"),
    *("encoder=small_conv_net", "encoder.backbone.widths=[4,8]", "encoder.backbone.strides=[2,2]"),
    *("trainer=cpu", "trainer.max_epochs=1", "schedule.warmup_epochs=0", "callbacks.knn.k=4", "logger=csv"),
    "trainer.enable_progress_bar=false",
)
SMALL_MOCO = ("method=moco_v2", "callbacks.negative_queue.length=16", "encoder.batch_norm_groups=2")


def photos(root: Path, *classes: str, each: int = 4) -> Path:
    """`each` photos of 10 x 12 pixels in train/CLASS/, and two in val/CLASS/."""
    names = [f"train/{name}/{number}.png" for name in classes for number in range(each)]
    return write_photos(root, *names, *(f"val/{name}/{number}.png" for name in classes for number in (0, 1)))


def turn_all(root: Path, mode: str = "RGB", size: tuple[int, int] = (10, 12)) -> None:
    """Give every photo another mode and size in pixels (width, height)."""
    for path in root.rglob("*.png"):
        with Image.open(path) as image:
            turned = image.convert(mode).resize(size)
        turned.save(path)


def bomb(width: int, height: int) -> bytes:
    """A whole PNG file of black pixels, one bit each, whose header promises `width` x `height` of them."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    written = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)
