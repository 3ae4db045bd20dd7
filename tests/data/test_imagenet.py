import io
import tarfile

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision.datasets import imagenet as torchvisions

from cl_lightning.data import imagenet
from tests.data.archives import md5
from tests.data.photos import write_photos

CLASSES = ("n01440764", "n02102040")


def add(tar, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def jpeg(number):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (number, 0, 0)).save(buffer, "jpeg")
    return buffer.getvalue()


def devkit():
    """Synset table (the third has children, so it is no class) and the classes of four validation photos."""
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "O")]
    rows = [(n + 1, wnid, f"word {n}, other", "gloss", 0) for n, wnid in enumerate(CLASSES)]
    scipy.io.savemat(
        table := io.BytesIO(), {"synsets": np.array([*rows, (3, "n3", "all", "", 2)], dtype=kind)}
    )
    return {"meta.mat": table.getvalue(), "ILSVRC2012_validation_ground_truth.txt": b"1\n2\n2\n1\n"}


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """The three archives of the challenge, with five photos to train on and four to validate."""
    files = {name: tmp_path / file for name, (file, _) in torchvisions.ARCHIVE_META.items()}
    with tarfile.open(files["devkit"], "w:gz") as tar:
        for name, content in devkit().items():
            add(tar, f"ILSVRC2012_devkit_t12/data/{name}", content)
    with tarfile.open(files["train"], "w") as tar:
        for wnid, photos in zip(CLASSES, (2, 3), strict=True):
            with tarfile.open(fileobj=(inner := io.BytesIO()), mode="w") as tar_of_class:
                for number in range(photos):
                    add(tar_of_class, f"{wnid}_{number}.JPEG", jpeg(number))
            add(tar, f"{wnid}.tar", inner.getvalue())
    with tarfile.open(files["val"], "w") as tar:
        for number in range(4):
            add(tar, f"ILSVRC2012_val_{number + 1:08}.JPEG", jpeg(number))
    sums = {name: (path.name, md5(path)) for name, path in files.items()}
    for name, entry in sums.items():
        monkeypatch.setitem(torchvisions.ARCHIVE_META, name, entry)
    return tmp_path


def test_the_archives_are_unpacked_once_and_read_as_torchvision_does(archives):
    with pytest.warns(UserWarning, match=r"train is unpacked from its archives, which takes long, once"):
        train = imagenet(archives)
    with pytest.warns(UserWarning, match="val is unpacked"):
        val = imagenet(archives, "val")
    for split, data in {"train": train, "val": val}.items():
        assert (
            list(zip(data.paths, data.labels, strict=True)) == torchvisions.ImageNet(archives, split).samples
        )
    assert (train.labels, val.labels) == ([0, 0, 1, 1, 1], [0, 0, 1, 1])
    assert imagenet(archives).paths == train.paths  # no warning: nothing is unpacked


def test_what_a_killed_process_left_is_no_data(archives):
    write_photos(archives, ".unpacking-val/n01440764/half.png")
    with pytest.warns(UserWarning, match="val is unpacked"):
        assert len(imagenet(archives, "val")) == 4


def test_plain_folders_are_read_and_classes_are_numbered_by_training(tmp_path):
    write_photos(
        tmp_path, "train/n1/1.png", "train/n2/1.png", "train/n3/1.png", "val/n1/1.png", "val/n3/1.png"
    )
    assert imagenet(tmp_path).labels == [0, 1, 2]
    assert imagenet(tmp_path, "val").labels == [0, 2]


def test_validation_photos_without_class_folders_are_refused(tmp_path):
    write_photos(tmp_path, "train/n1/1.png", "val/1.png")
    with pytest.raises(ValueError, match=r"val has no class folders"):
        imagenet(tmp_path, "val")


@pytest.mark.parametrize(
    ("split", "files"),
    [
        ("train", ["ILSVRC2012_img_train.tar"]),
        ("val", ["ILSVRC2012_img_val.tar", "ILSVRC2012_devkit_t12.tar.gz"]),
    ],
)
def test_without_folders_and_archives_it_says_what_to_fetch_and_where_to_put_it(tmp_path, split, files):
    with pytest.raises(ValueError, match=rf"ImageNet: there is no folder {tmp_path}/{split}") as caught:
        imagenet(tmp_path, split)
    for told in (*files, "https://image-net.org/", "account", f"into {tmp_path}", f"{split}/CLASS/*.JPEG"):
        assert told in str(caught.value)


def test_a_damaged_archive_is_told(archives):
    (archives / "ILSVRC2012_img_val.tar").write_bytes(b"half")
    with (
        pytest.warns(UserWarning, match="val is unpacked"),
        pytest.raises(
            ValueError, match=r"cannot be unpacked \(RuntimeError: .*corrupted.*; fetch ILSVRC2012_img_val"
        ),
    ):
        imagenet(archives, "val")
    assert not (archives / "val").exists()
