import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from cl_lightning.data import BrokenImageError, image_folder, to_uint8
from cl_lightning.data.photos.decode import decode

RGB = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3) * 4


def test_tensors_arrays_and_pil_images_give_the_same_pixels():
    expected = torch.from_numpy(RGB).permute(2, 0, 1)
    for image in (expected, RGB, Image.fromarray(RGB)):
        assert torch.equal(to_uint8(image), expected)
    grey = Image.fromarray(RGB[..., 0])
    assert torch.equal(to_uint8(grey), expected[:1])
    assert torch.equal(to_uint8(RGB[..., :1]), expected[:1])


@pytest.mark.parametrize("mode", ["1", "P", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "PA"])
def test_other_pil_modes_become_rgb(mode):
    image = Image.fromarray(RGB).convert("P" if mode == "PA" else mode).convert(mode)
    expected = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
    assert torch.equal(to_uint8(image), expected)


def test_16_bit_greyscale_keeps_its_upper_bits():
    image = Image.fromarray((RGB[..., 0].astype(np.uint16) << 8) + 77)
    assert torch.equal(to_uint8(image), torch.from_numpy(RGB[..., 0]).expand(3, -1, -1))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.rand(3, 4, 4), r"a torch.float32 Tensor of shape \[3, 4, 4\] as an image; accepted: a PIL"),
        (torch.zeros(4, 4, 3, dtype=torch.uint8), r"shape \[4, 4, 3\]"),
        (np.zeros((4, 4), dtype=np.uint8), r"uint8 ndarray of shape \[4, 4\]"),
        (np.zeros((4, 4, 3)), "float64 ndarray"),
        ("photo.jpg", r"a str as an image.*data\.train"),
        (Image.new("F", (4, 4)), "mode F"),
    ],
)
def test_anything_else_is_refused_with_what_is_accepted(image, message):
    with pytest.raises(ValueError, match=message):
        to_uint8(image)


def test_a_photo_is_turned_as_its_exif_orientation_says(tmp_path):
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    image.save(tmp_path / "turned.png", exif=exif)
    turned = torch.from_numpy(np.rot90(RGB, -1).copy()).permute(2, 0, 1)
    assert torch.equal(decode(str(tmp_path / "turned.png")), turned)


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.fixture
def photos(tmp_path):
    rgb = Image.fromarray(RGB)
    write(tmp_path / "train/class 10/deep/er/a.png", rgb)
    write(tmp_path / "train/class 2/a b.png", rgb.convert("L"))
    write(tmp_path / "train/class 2/猫.jpg", rgb.convert("CMYK"))
    palette = rgb.convert("P")
    palette.info["transparency"] = bytes(range(9))
    write(tmp_path / "train/猫/palette.png", palette)
    write(tmp_path / "train/猫/alpha.webp", rgb.convert("RGBA"))
    write(tmp_path / "train/.hidden/a.png", rgb)
    return tmp_path


def test_every_kind_of_photo_becomes_uint8_rgb_and_classes_are_in_natural_order(photos):
    data = image_folder(photos)
    assert data.classes == ["class 2", "class 10", "猫"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        items = [data[number] for number in range(len(data))]
    assert sorted(label for _, label in items) == [0, 0, 1, 2, 2]
    for image, _ in items:
        assert image.dtype == torch.uint8
        assert image.shape == (3, 5, 4)
    for path, label in zip(data.paths, data.labels, strict=True):
        assert data.classes[label] in path


@pytest.mark.parametrize("content", [b"", b"no image at all", "truncated jpg", "truncated png"])
def test_a_broken_file_raises_an_error_with_its_path(tmp_path, content):
    path = tmp_path / "my 猫.jpg"
    if isinstance(content, str):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path, format={"jpg": "jpeg"}.get(content[-3:], "png"))
        content = path.read_bytes()[:2000]
    path.write_bytes(content)
    with pytest.raises(BrokenImageError) as caught:
        decode(str(path))
    assert str(path) in str(caught.value)
    assert "data.max_broken" in str(caught.value)


def test_flipped_views_and_borrowed_buffers_are_taken():
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flipped = to_uint8(pixels[:, ::-1, ::-1])  # as BGR becomes RGB
        borrowed = to_uint8(np.frombuffer(pixels.tobytes(), np.uint8).reshape(4, 5, 3))
    assert torch.equal(flipped, torch.from_numpy(pixels).permute(2, 0, 1).flip(0, 2))
    assert torch.equal(borrowed, torch.from_numpy(pixels).permute(2, 0, 1))
