"""Tiny data sets in the original formats, and a server that has their archives."""

import hashlib
import pickle
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import CIFAR100, STL10, Imagenette

from tests.data.photos import write_photos


class Handler(SimpleHTTPRequestHandler):
    """Counts what is fetched."""

    def do_GET(self) -> None:
        self.server.fetched.append(self.path)  # type: ignore[attr-defined]
        super().do_GET()

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[ThreadingHTTPServer]:
    """A web server for the files of `folder`; `fetched` lists what was asked of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.fetched = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def pack(folder: Path, archive: Path) -> str:
    """Make an archive of a folder, and return its sum."""
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
    return md5(archive)


def make_cifar100(root: Path, monkeypatch: pytest.MonkeyPatch, url: str = "http://127.0.0.1:9") -> np.ndarray:
    """CIFAR-100 of 6 and 4 images below `root`, its archive beside; returns the pixels [10, 3, 32, 32]."""
    folder = root / CIFAR100.base_folder
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (10, 3072), dtype=np.uint8)
    contents = {
        "train": {"data": pixels[:6], "fine_labels": [3, 1, 4, 1, 5, 9], "coarse_labels": [0] * 6},
        "test": {"data": pixels[6:], "fine_labels": [2, 6, 5, 3], "coarse_labels": [0] * 4},
        "meta": {"fine_label_names": [str(n) for n in range(100)]},
    }
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
    monkeypatch.setattr(CIFAR100, "train_list", [["train", md5(folder / "train")]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", md5(folder / "test")]])
    monkeypatch.setattr(CIFAR100, "meta", CIFAR100.meta | {"md5": md5(folder / "meta")})
    monkeypatch.setattr(CIFAR100, "tgz_md5", pack(folder, root / CIFAR100.filename))
    monkeypatch.setattr(CIFAR100, "url", f"{url}/{CIFAR100.filename}")
    return pixels.reshape(-1, 3, 32, 32)


def make_stl10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STL-10 of 7 unlabelled, 3 training and 2 test images below `root`."""
    folder = root / STL10.base_folder
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name, images in {"unlabeled": 7, "train": 3, "test": 2}.items():
        generator.integers(0, 256, (images, 3, 96, 96), dtype=np.uint8).tofile(folder / f"{name}_X.bin")
        (np.arange(images, dtype=np.uint8) + 1).tofile(folder / f"{name}_y.bin")
    sums = [[[name, md5(folder / name)] for name, _ in part] for part in (STL10.train_list, STL10.test_list)]
    monkeypatch.setattr(STL10, "train_list", sums[0])
    monkeypatch.setattr(STL10, "test_list", sums[1])


def make_imagenette(root: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The archive of an Imagenette of 160 pixels with two classes, at `root`."""
    classes = ("n01440764", "n02102040")
    names = [f"{split}/{kind}/{n}.JPEG" for split in ("train", "val") for kind in classes for n in range(3)]
    folder = write_photos(root / "imagenette2-160", *names)
    entry = (f"{url}/imagenette2-160.tgz", pack(folder, root / "imagenette2-160.tgz"))
    monkeypatch.setattr(Imagenette, "_ARCHIVES", Imagenette._ARCHIVES | {"160px": entry})
