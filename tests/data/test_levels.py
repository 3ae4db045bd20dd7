"""Images of more than 8 bits, and what is told of images that hardly differ."""

import re
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from cl_lightning.data import ContrastiveData, PhotoFolder, TensorImages, image_folder, to_uint8
from cl_lightning.data.decode import decode
from cl_lightning.data.levels import warn_of_few_levels
from tests.data.photos import write_photos

FULL = np.random.default_rng(0).integers(0, 65536, (40, 30), dtype=np.uint16)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def write(path: Path, values: np.ndarray, most: int = 65535) -> Path:
    """A file of values [height, width], of 0 to `most` by its header; `rgb` in its name makes colour."""
    height, width = values.shape
    colour = path.stem.startswith("rgb")
    rows = (np.stack([values] * 3, -1) if colour else values).astype(">u2")
    if path.suffix == ".pgm":
        path.write_bytes(f"{'P6' if colour else 'P5'}\n{width} {height}\n{most}\n".encode() + rows.tobytes())
    elif path.suffix == ".png":
        header = struct.pack(">IIBBBBB", width, height, 16, 2 if colour else 0, 0, 0, 0)
        packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
        parts = chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    else:
        Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("name", ["1.png", "1.tif", "1.pgm", "rgb.png", "rgb.pgm"])
def test_sixteen_bits_keep_their_upper_eight(tmp_path: Path, name: str) -> None:
    upper = torch.from_numpy((FULL >> 8).astype(np.uint8)).expand(3, -1, -1)
    found = decode(str(write(tmp_path / name, FULL)))
    # colour PNM is rounded by PIL
    assert torch.equal(found, upper) or (name == "rgb.pgm" and (found.int() - upper).abs().max() <= 1)


@pytest.mark.parametrize("most", [1023, 4095])
def test_a_header_that_tells_the_range_is_followed(tmp_path: Path, most: int) -> None:
    values = (FULL >> 4) % (most + 1)
    found = decode(str(write(tmp_path / "1.pgm", values, most)))
    expected = torch.from_numpy((values.astype(np.int64) * 65535 // most >> 8).astype(np.int64))
    assert (found.long() - expected).abs().max() <= 1
    assert found.max() >= 254


def told(part: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_few_levels({"train": part})
    return [str(warning.message) for warning in caught]


def photos(root: Path, *paths: Path) -> PhotoFolder:
    return PhotoFolder(root, list(map(str, paths)), None, [])


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("name", ["{}.png", "{}.tif", "{}.pgm", "rgb{}.png", "rgb{}.pgm"])
def test_few_levels_of_many_bits_are_told_with_what_to_do(tmp_path: Path, name: str, bits: int) -> None:
    paths = [write(tmp_path / name.format(n), FULL >> (16 - bits)) for n in range(2)]
    (message,) = told(photos(tmp_path, *paths))
    assert str(paths[0]) in message
    assert "data.train" in message
    times = re.search(r"times (\d+)\)", message)
    assert times is not None
    scaled = [write(path, (FULL >> (16 - bits)) * int(times[1])) for path in paths]
    assert told(photos(tmp_path, *scaled)) == []


def test_a_few_hot_pixels_hide_nothing(tmp_path: Path) -> None:
    values = FULL >> 4
    values[0, :3] = 65535
    assert len(told(photos(tmp_path, write(tmp_path / "1.png", values)))) == 1


def test_one_dark_image_among_bright_ones_is_no_range(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.png", FULL if n else FULL >> 3) for n in range(3)]
    assert told(photos(tmp_path, *paths)) == []


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_nearly_constant_images_are_told(tmp_path: Path, grey: int) -> None:
    write_photos(tmp_path, "1.png")
    noise = np.random.default_rng(0).integers(-3, 4, (20, 20))
    Image.fromarray((grey + noise).clip(0, 255).astype(np.uint8)).save(tmp_path / "2.png")
    (message,) = told(image_folder(tmp_path))
    assert "1 of 2 images" in message
    assert str(tmp_path / "2.png") in message


class Own(Dataset[Any]):
    """A user's own images, as PIL, arrays or tensors; the second cannot be read."""

    def __init__(self, images: list[Any]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        torch.rand(1)
        return self.images[index], 0


def test_so_are_those_of_a_users_own_dataset_and_of_tensors() -> None:
    flat, lively = (
        torch.full((3, 8, 8), 7, dtype=torch.uint8),
        to_uint8((FULL >> 8).astype(np.uint8)[..., None]),
    )
    assert "image 0" in told(Own([flat, None, lively]))[0]
    assert "image 2" in told(Own([lively, None, Image.fromarray(FULL >> 4)]))[0]
    assert len(told(TensorImages(torch.zeros(4, 1, 8, 8, dtype=torch.uint8)))) == 1
    assert told(Own([lively, None])) == []


def test_they_are_told_as_a_fit_begins_and_no_random_number_is_used_up() -> None:
    data = ContrastiveData(Own([torch.zeros(3, 8, 8, dtype=torch.uint8)] * 4), batch_size=4)
    before = torch.get_rng_state()
    with pytest.warns(UserWarning, match=r"data\.train: 4 of 4 images looked at are nearly constant"):
        data.setup("fit")
    assert torch.equal(torch.get_rng_state(), before)
