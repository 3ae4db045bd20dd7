import gc
import multiprocessing
import os
import resource
import shutil
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR100, STL10, Imagenette

from cl_lightning.data import cifar10, cifar100, imagenette, stl10
from cl_lightning.data.sets.download import Archive, fetch
from tests.data.archives import make_cifar100, make_imagenette, make_stl10, pack, serving

NOWHERE = "http://127.0.0.1:9"
REQUESTS = 2  # of one download by torchvision, which first asks whether the address leads elsewhere


@pytest.fixture(autouse=True)
def _sockets_of_torchvision_are_collected():
    """It leaves those of a failed download to the garbage collector, which would warn in a later test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_cifar10_says_which_files_are_missing_and_what_helps(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_2").write_bytes(b"not CIFAR")
    with pytest.raises(ValueError, match="missing data_batch_1, data_batch_3") as caught:
        cifar10(tmp_path)
    assert "put https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz as cifar-10" in str(caught.value)
    told = (
        str(folder),
        "damaged data_batch_2",
        "test_batch",
        "batches.meta",
        "data.root",
        "data.download=true",
    )
    assert all(part in str(caught.value) for part in told)


def test_cifar100_is_what_its_files_hold(tmp_path, monkeypatch):
    pixels = make_cifar100(tmp_path, monkeypatch)
    train, val = cifar100(tmp_path), cifar100(tmp_path, "val")
    assert torch.equal(torch.cat([train.images, val.images]), torch.from_numpy(pixels))
    assert train.labels.tolist() == [3, 1, 4, 1, 5, 9]
    assert val.labels.tolist() == [2, 6, 5, 3]
    assert len(cifar100(tmp_path, limit=2)) == 2
    assert repr(train) == "cifar100 train: 6 images 3x32x32"
    with pytest.raises(ValueError, match=r"limit=7; accepted: 1 to 6 images of CIFAR-100 train"):
        cifar100(tmp_path, limit=7)


@pytest.mark.parametrize("split", ["unlabeled", "train", "train+unlabeled", "test"])
def test_stl10_is_torchvisions(tmp_path, monkeypatch, split):
    make_stl10(tmp_path, monkeypatch)
    reference = STL10(tmp_path, split)
    data = stl10(tmp_path, split)
    assert torch.equal(data.images, torch.from_numpy(np.ascontiguousarray(reference.data)))
    assert data.images.is_contiguous()
    assert data.labels.tolist() == reference.labels.tolist()
    assert torch.equal(stl10(tmp_path, split, limit=2).images, data.images[:2])


def test_stl10_asks_for_the_files_of_its_split_only(tmp_path, monkeypatch):
    make_stl10(tmp_path, monkeypatch)
    (tmp_path / "stl10_binary" / "unlabeled_X.bin").unlink()
    assert len(stl10(tmp_path, "train")) == 3
    with pytest.raises(ValueError, match=r"STL-10 in .*stl10_binary: missing unlabeled_X.bin.*stl10_bi"):
        stl10(tmp_path)
    with pytest.raises(ValueError, match=r"split='val'; accepted: unlabeled, train, train\+unlabel"):
        stl10(tmp_path, "val")
    with pytest.raises(ValueError, match=r"limit=4; accepted: 1 to 3 images of STL-10 train"):
        stl10(tmp_path, "train", limit=4)


def test_a_download_is_fetched_once_and_unpacked(tmp_path, monkeypatch, capfd):
    with serving(tmp_path / "web") as server:
        pixels = make_cifar100(tmp_path / "web", monkeypatch, f"http://127.0.0.1:{server.server_port}")
        data = cifar100(tmp_path / "new" / "root", download=True)
        cifar100(tmp_path / "new" / "root", "val", download=True)
    assert torch.equal(data.images, torch.from_numpy(pixels[:6]))
    assert server.fetched == ["/cifar-100-python.tar.gz"] * REQUESTS
    found = {path.name for path in (tmp_path / "new" / "root").iterdir() if not path.name.startswith(".")}
    assert found == {"cifar-100-python", "cifar-100-python.tar.gz"}


def test_damaged_and_missing_files_are_mended_from_an_archive_that_lies_there(tmp_path, monkeypatch):
    make_cifar100(tmp_path, monkeypatch, NOWHERE)
    (tmp_path / "cifar-100-python" / "test").unlink()
    (tmp_path / "cifar-100-python" / "meta").write_bytes(b"")
    (tmp_path / "cifar-100-python" / "mine.txt").write_text("stays")
    with pytest.raises(ValueError, match="missing test; damaged meta"):
        cifar100(tmp_path)
    assert len(cifar100(tmp_path, download=True)) == 6
    assert (tmp_path / "cifar-100-python" / "mine.txt").read_text() == "stays"


@contextmanager
def failing(case, root):
    """The folder `root`, or what serves the archive, is such that CIFAR-100 cannot be downloaded."""
    archive = root.parent / "web" / CIFAR100.filename
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if case == "other content":
        archive.write_bytes(b"not an archive")
    elif case == "gone":
        archive.unlink()
    elif case == "no folder to write into":
        root.write_text("a file")
    elif case == "no room":
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


WAYS = {
    "no network": "URLError: .*refused",
    "other content": "RuntimeError: File not found or corrupted",
    "gone": "HTTPError: HTTP Error 404",
}
NO_PLACE = {"no folder to write into": "File exists", "no room": "File too large"}


# The error of a failed request holds its connection until it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("case", WAYS)
def test_a_failed_download_says_what_to_fetch_and_where_to_put_it(tmp_path, monkeypatch, case):
    root = tmp_path / "root"
    with serving(tmp_path / "web") as server:
        url = NOWHERE if case == "no network" else f"http://127.0.0.1:{server.server_port}"
        make_cifar100(tmp_path / "web", monkeypatch, url)
        with failing(case, root), pytest.raises(ValueError, match=WAYS[case]) as caught:
            cifar100(root, download=True)
    message = str(caught.value)
    assert message.startswith("CIFAR-100: the download failed (")
    assert f"Fetch {CIFAR100.url} elsewhere and put it as cifar-100-python.tar.gz into {root}" in message
    assert "\n" not in message
    assert [path.name for path in tmp_path.glob("root/*") if not path.name.endswith((".gz", ".lock"))] == []


def test_imagenette_is_torchvisions_and_appears_only_whole(tmp_path, monkeypatch):
    with serving(tmp_path / "web") as server:
        make_imagenette(tmp_path / "web", monkeypatch, f"http://127.0.0.1:{server.server_port}")
        train = imagenette(tmp_path / "root", download=True)
        val = imagenette(tmp_path / "root", "val", download=True)
    assert server.fetched == ["/imagenette2-160.tgz"] * REQUESTS
    for split, data in {"train": train, "val": val}.items():
        reference = Imagenette(tmp_path / "root", split, "160px")
        assert sorted(zip(data.paths, data.labels, strict=True)) == sorted(reference._samples)
        assert data.classes == reference.wnids
    assert imagenette(tmp_path / "root").paths == train.paths  # without asking for a download


def test_torchvision_still_tells_the_archives_of_imagenette():
    # A private name of torchvision's: where this fails, data/imagenette.py needs another source.
    for name, short in {"full": "", "320px": "-320", "160px": "-160"}.items():
        url, md5 = Imagenette._ARCHIVES[name]
        assert url.endswith(f"/imagenette2{short}.tgz")
        assert len(bytes.fromhex(md5)) == 16


def test_imagenette_says_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"no folder .*imagenette2-320/val.*imagenette2-320\.tgz as imagen"):
        imagenette(tmp_path, "val", "320px")
    with pytest.raises(ValueError, match=r"data\.resolution='160'; accepted: full, 320px, 160px"):
        imagenette(tmp_path, resolution="160")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("case", NO_PLACE)
def test_a_folder_that_takes_no_download_is_told_instead(tmp_path, monkeypatch, case):
    root = tmp_path / "root"
    with serving(tmp_path / "web") as server:
        make_cifar100(tmp_path / "web", monkeypatch, f"http://127.0.0.1:{server.server_port}")
        with failing(case, root), pytest.raises(ValueError, match=NO_PLACE[case]) as caught:
            cifar100(root, download=True)
    assert str(caught.value).startswith(f"CIFAR-100 can't be unpacked into {root} (")
    assert "data.root" in str(caught.value)
    assert [path.name for path in tmp_path.glob("root/*") if not path.name.endswith((".gz", ".lock"))] == []


def fetch_and_count(archive, root, start, counted):
    start.wait()
    fetch(archive, root, (root / archive.folder).exists)
    counted.put(sorted(os.listdir(root / archive.folder)))


def test_of_several_processes_one_downloads_and_the_others_find_it_whole(tmp_path):
    folder = tmp_path / "web" / "many"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / str(number)).touch()
    context = multiprocessing.get_context("fork")
    start, counted = context.Event(), context.Queue()
    with serving(tmp_path / "web") as server:
        total = pack(folder, tmp_path / "web" / "many.tgz")
        url = f"http://127.0.0.1:{server.server_port}/many.tgz"
        archive = Archive("Many", url, "many.tgz", total, "many")
        shutil.rmtree(folder)
        arguments = (archive, tmp_path / "root", start, counted)
        processes = [context.Process(target=fetch_and_count, args=arguments) for _ in range(4)]
        for process in processes:
            process.start()
        start.set()
        seen = [counted.get(timeout=60) for _ in processes]
        for process in processes:
            process.join(30)
    assert [len(each) for each in seen] == [300] * 4
    assert server.fetched == ["/many.tgz"] * REQUESTS
