"""ImageNet-1k (ILSVRC 2012)."""

import shutil
import warnings
from pathlib import Path

from filelock import FileLock
from torchvision.datasets.imagenet import (
    ARCHIVE_META,
    META_FILE,
    parse_devkit_archive,
    parse_train_archive,
    parse_val_archive,
)

from cl_lightning.data.photos.labels import class_names, photos
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.photos.rules import Rules, tree_of
from cl_lightning.data.sets.download import refuse_place
from cl_lightning.data.split import is_train

PAGE = "https://image-net.org/challenges/LSVRC/2012/2012-downloads.php"


def imagenet(root: str | Path, split: str = "train", rules: Rules = 3) -> PhotoFolder:
    """The 1,281,167 training photos of ImageNet-1k, or its 50,000 validation photos, 1,000 classes.

    `root` holds `train/CLASS/` and `val/CLASS/` (a subset of the classes will do), or the archives of the
    challenge: torchvision unpacks them there, once. Their download needs an account.
    `rules`: see `image_folder`. Raises ValueError, which says what to download and where to put it.
    """
    is_train(split)
    root = Path(root).expanduser()
    folder = root / split
    if not folder.is_dir():
        _unpack(root, split)
    train = root / "train"
    classes = class_names(tree_of(train, rules)) if train.is_dir() and split == "val" else ()
    return photos(tree_of(folder, rules), labels=True, classes=classes)


def _unpack(root: Path, split: str) -> None:
    """Make `root/split/CLASS/` from the archives; it appears only when it is complete."""
    needed = {"train": ["train"], "val": ["val", "devkit"]}[split]
    files = [ARCHIVE_META[name][0] for name in needed]
    advice = f"fetch {' and '.join(files)} from {PAGE} (an account is needed) and put them into {root}"
    if missing := [file for file in files if not (root / file).is_file()]:
        raise ValueError(
            f"ImageNet: there is no folder {root / split}, and no {' or '.join(missing)} to unpack; "
            f"accepted: a data.root that holds {split}/CLASS/*.JPEG; or {advice}."
        )
    try:
        with FileLock(root / f".{split}.lock"):
            if not (root / split).is_dir():
                _parse(root, split)
    except Exception as error:  # wrong MD5 sum, damaged archive, ...
        refuse_place("ImageNet", root, error)
        raise ValueError(
            f"ImageNet: {', '.join(files)} cannot be unpacked ({type(error).__name__}: {error}); {advice}."
        ) from error


def _parse(root: Path, split: str) -> None:
    warnings.warn(f"{root / split} is unpacked from its archives, which takes long, once.", stacklevel=2)
    part = f".unpacking-{split}"
    shutil.rmtree(root / part, ignore_errors=True)  # left by a process that was killed
    if split == "train":
        parse_train_archive(root, folder=part)
    else:
        if not (root / META_FILE).is_file():
            parse_devkit_archive(root)
        parse_val_archive(root, folder=part)
    (root / part).rename(root / split)
