"""What is read of a photo's file, and whose fault it is where that fails."""

import errno
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from cl_lightning.commands.messages import explain
from cl_lightning.data import BrokenImageError, PhotoFolder, image_folder, to_uint8
from cl_lightning.data.photos.decode import decode
from cl_lightning.data.photos.photo_formats import format_name, readable
from cl_lightning.data.readable import ReadableImages
from tests.data.photos import write_photos

RGB = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
garbage = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def exif(orientation: bytes, kind: int = 3) -> bytes:
    """EXIF with this orientation, and beside it a resolution that is text and a pointer to nowhere."""
    entries = [(0x0112, kind, 1, orientation), (0x011B, 2, 4, b"abc\0"), (0x8769, 4, 1, b"\xff\xff\xff\x7f")]
    packed = b"".join(struct.pack("<HHI4s", *entry) for entry in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4)


def saved(path: Path, **settings: Any) -> torch.Tensor:
    Image.fromarray(RGB).save(path, **settings)
    return decode(str(path))


@garbage
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("end", ["jpg", "png", "webp"])
def test_a_photo_is_turned_whatever_the_rest_of_its_metadata(
    tmp_path: Path, orientation: int, end: str
) -> None:
    tidy = Image.Exif()
    tidy[0x0112] = orientation
    Image.fromarray(RGB).save(tmp_path / "tidy.png", exif=tidy)
    with Image.open(tmp_path / "tidy.png") as image:
        expected = to_uint8(ImageOps.exif_transpose(image))
    lossless = {"lossless": True} if end == "webp" else {}
    found = saved(tmp_path / f"wild.{end}", exif=exif(struct.pack("<HH", orientation, 0)), **lossless)
    assert found.shape == expected.shape
    assert end == "jpg" or torch.equal(found, expected)


@garbage
@pytest.mark.parametrize(
    "value", [(struct.pack("<HH", 0, 0), 3), (struct.pack("<HH", 9, 0), 3), (b"six\0", 2)]
)
def test_an_orientation_that_is_none_turns_nothing(tmp_path: Path, value: tuple[bytes, int]) -> None:
    found = saved(tmp_path / "a.png", exif=exif(*value))
    assert torch.equal(found, to_uint8(RGB))


@garbage
@pytest.mark.parametrize("length", range(7, 60, 5))
def test_metadata_that_ends_early_is_no_broken_image(tmp_path: Path, length: int) -> None:
    cut = exif(struct.pack("<HH", 6, 0))[:length]
    found = saved(tmp_path / "a.png", exif=cut)
    assert found.shape in ((3, 12, 10), (3, 10, 12))


SYSTEM = {
    errno.ESTALE: OSError,
    errno.EIO: OSError,
    errno.EMFILE: OSError,
    errno.EACCES: PermissionError,
    errno.ENOENT: FileNotFoundError,
    errno.ETIMEDOUT: TimeoutError,
}


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(path: Any) -> None:
        raise error

    monkeypatch.setattr(Image, "open", fail)


@pytest.mark.parametrize("number", SYSTEM)
def test_what_the_system_says_is_no_fault_of_the_image(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_photos(tmp_path, "a.png", "b.png")
    failing(monkeypatch, OSError(number, "the system's words", str(root / "a.png")))
    for photos in (image_folder(root, labels=False), ReadableImages(image_folder(root, labels=False), 1)):
        with pytest.raises(SYSTEM[number]) as caught:
            photos[0]
        assert caught.value.errno == number
        message = explain(caught.value)
        assert message is not None
        assert f"cannot read the image {root / 'a.png'} (the system's words); accepted: " in message
        assert "epair" not in message


@pytest.mark.parametrize("number", SYSTEM)
def test_so_is_what_a_users_own_dataset_meets(number: int) -> None:
    class Own(PhotoFolder):
        def __getitem__(self, index: int) -> Any:
            raise OSError(number, "the system's words", "/far/1.h5")

    with pytest.raises(
        SYSTEM[number], match=r"image 0 of Own \(the system's words: /far/1\.h5\); accepted: "
    ):
        ReadableImages(Own(Path(), ["1"], None, []), 1)[0]


def test_a_lack_of_memory_breaks_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = image_folder(write_photos(tmp_path, "a.png", "b.png"))
    failing(monkeypatch, MemoryError())
    for part in (photos, ReadableImages(photos, 1)):
        with pytest.raises(MemoryError):
            part[0]


def test_what_pil_says_without_the_system_is_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_photos(tmp_path, "a.png") / "a.png")
    for error in (OSError("image file is truncated"), SyntaxError("broken PNG"), struct.error("unpack")):
        failing(monkeypatch, error)
        with pytest.raises(BrokenImageError) as caught:
            decode(path)
        assert caught.value.path == path


@pytest.mark.parametrize("end", ["jfif", "jpe", "avif", "gif", "jp2", "apng", "tga", "qoi", "bmp", "tif"])
def test_every_format_of_the_list_that_pillow_reads_is_read(tmp_path: Path, end: str) -> None:
    assert f".{end}" in readable()
    expected = Image.fromarray(RGB)
    expected.save(tmp_path / f"1.{end}", format="jpeg" if end in ("jfif", "jpe") else None)
    photos = image_folder(tmp_path)
    assert [Path(path).name for path in photos.paths] == [f"1.{end}"]
    assert photos[0].shape == (3, 12, 10)


@pytest.mark.parametrize("end", ["gif", "png", "webp", "tif"])
def test_the_first_frame_is_read_and_that_is_told(tmp_path: Path, end: str) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime")]
    lossless = {"lossless": True} if end == "webp" else {}
    path = tmp_path / f"1.{'apng' if end == 'png' else end}"
    frames[0].save(
        path, format="PNG" if end == "png" else None, save_all=True, append_images=frames[1:], **lossless
    )
    photos = image_folder(tmp_path)
    assert torch.equal(photos[0], to_uint8(frames[0]))
    assert [line for line in photos.described() if path.suffix in line]
    write_photos(tmp_path / "still", "1.tif")
    assert not [line for line in image_folder(tmp_path / "still").described() if ".tif" in line]


def test_heic_is_read_where_its_plugin_is_installed_and_told_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cl_lightning.data.photos import photo_formats

    root = write_photos(tmp_path / "data", "1.png", "2.png")
    (root / "2.png").rename(root / "2.HEIC")
    photos = image_folder(root)
    assert (len(photos), photos.passed_over) == (1, {format_name(".heic"): 1})
    assert "pillow-heif" in format_name(".heic")
    plugin = tmp_path / "installed" / "pillow_heif.py"
    plugin.parent.mkdir()
    plugin.write_text("registered = []\ndef register_heif_opener():\n    registered.append(1)\n")
    monkeypatch.syspath_prepend(str(plugin.parent))
    for cached in (photo_formats.readable, photo_formats.register_heic):
        monkeypatch.setattr(photo_formats, cached.__name__, cached.__wrapped__)
    monkeypatch.setattr("cl_lightning.data.photos.decode.register_heic", photo_formats.register_heic)
    monkeypatch.setattr("cl_lightning.data.photos.photo_tree.readable", photo_formats.readable)
    photos = image_folder(root)
    assert [Path(path).name for path in photos.paths] == ["1.png", "2.HEIC"]
    assert photos[1].shape == (3, 12, 10)  # in truth a PNG
    import pillow_heif  # type: ignore[import-not-found]

    assert pillow_heif.registered


def test_a_format_that_this_pillow_lacks_is_passed_over_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cl_lightning.data.photos import photo_formats

    write_photos(tmp_path, "1.png", "2.avif")
    monkeypatch.setattr(photo_formats, "readable", lambda: frozenset({".png"}))
    monkeypatch.setattr("cl_lightning.data.photos.photo_tree.readable", photo_formats.readable)
    photos = image_folder(tmp_path)
    assert len(photos) == 1
    (kind,) = photos.passed_over
    assert kind.startswith(".avif")
    assert "Pillow" in kind
