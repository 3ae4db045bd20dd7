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
from PIL import Image, ImageCms
from torch.utils.data import Dataset

from cl_lightning.data import (
    BrokenImageError,
    ContrastiveData,
    PhotoFolder,
    TensorImages,
    image_folder,
    to_uint8,
)
from cl_lightning.data.levels import warn_of_few_levels
from cl_lightning.data.photos.decode import decode
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


MODES = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"),
    "tif": ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I;16B"),
    "webp": ("L", "RGB", "RGBA"),
}


@pytest.mark.parametrize(("end", "mode"), [(end, mode) for end, modes in MODES.items() for mode in modes])
def test_the_same_colour_arrives_from_every_mode_that_a_format_has(
    tmp_path: Path, end: str, mode: str
) -> None:
    path, grey = tmp_path / f"1.{end}", mode in ("1", "L", "LA", "I;16", "I;16B")
    colour = (255, 255, 255) if mode == "1" else (130,) * 3 if grey else (200, 30, 60)
    image = Image.new("RGB", (16, 16), colour)
    if mode == "LAB":
        profiles = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
        image = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")  # type: ignore[assignment]
    elif mode.startswith("I"):
        values = np.full((16, 16), 130 * 257, ">u2" if mode == "I;16B" else "<u2")
        image = Image.frombytes(mode, (16, 16), values.tobytes())
    elif mode in ("P", "PA"):
        image = image.convert("P", palette=Image.Palette.ADAPTIVE).convert(mode)
    else:
        image = image.convert(mode)
    image.save(path, **({"lossless": True} if end == "webp" else {}))
    expected = torch.tensor(colour).view(3, 1, 1).expand(3, 16, 16)
    assert (decode(str(path)).int() - expected).abs().max() <= (2 if mode in ("YCbCr", "LAB") else 0)


@pytest.mark.parametrize("transparency", [0, bytes([0, 100])])
def test_a_palette_keeps_its_colours_where_it_is_transparent(tmp_path: Path, transparency: Any) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([200, 30, 60, 1, 2, 3])
    image.save(tmp_path / "1.png", transparency=transparency)
    assert decode(str(tmp_path / "1.png"))[:, 0, 0].tolist() == [200, 30, 60]


def write_tiff(path: Path, values: np.ndarray, kind: int, meaning: int = 1) -> Path:
    """One strip; kind of numbers (1: whole, 2: with a sign, 3: floats), white is 0 where `meaning` is 0."""
    (height, width), content = values.shape, values.tobytes()
    tags = {256: width, 257: height, 258: 8 * values.itemsize, 259: 1, 262: meaning, 273: 8, 277: 1}
    tags |= {278: height, 279: len(content), 339: kind}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<I", 8 + len(content)) + content
    path.write_bytes(head + struct.pack("<H", len(tags)) + entries + bytes(4))
    return path


@pytest.mark.parametrize(("dtype", "kind"), [("f4", 3), ("f8", 3), ("i2", 2), ("i4", 2), ("u4", 1)])
def test_whole_files_of_numbers_without_a_range_are_told_with_what_to_save_them_as(
    tmp_path: Path, dtype: str, kind: int
) -> None:
    path = write_tiff(tmp_path / "1.tif", FULL.astype(f"<{dtype}"), kind)
    with pytest.raises(BrokenImageError, match=r"1\.tif .*; accepted: .*8 or 16 bits") as caught:
        decode(str(path))
    assert dtype == "f8" or "epair" not in str(caught.value)  # a file cut off looks like one of 64 bits
    write(path, FULL)  # what is advised
    assert decode(str(path)).shape == (3, 40, 30)


@pytest.mark.parametrize("dtype", ["<u2", "u1"])
def test_white_is_white_where_it_is_written_as_zero(tmp_path: Path, dtype: str) -> None:
    values = FULL if dtype == "<u2" else (FULL >> 8)
    path = write_tiff(tmp_path / "1.tif", values.astype(dtype), 1, meaning=0)
    upper = torch.from_numpy(255 - (FULL >> 8).astype(np.uint8))
    assert torch.equal(decode(str(path)), upper.expand(3, -1, -1))


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
