"""Which photos of one folder are held out for validation."""

import hashlib
import math
import os
import unicodedata
from collections.abc import Sequence

from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.split import is_train, split_indices
from cl_lightning.files import printable


def by_path(photos: PhotoFolder, split: str, val_fraction: float) -> PhotoFolder:
    """The photos whose path is held out, or the others, in order: about `val_fraction` of them.

    Each photo is decided by its own path below `photos.root`, so that another photo moves none, nor does a
    folder that lies elsewhere or on another system. A larger fraction holds out the same ones and more.

    Raises:
        ValueError: a part is empty; says which fractions fill both.
    """
    above = len(os.path.join(photos.root, ""))
    shares = [share(path[above:]) for path in photos.paths]
    low, high = min(shares), max(shares)
    if not low < val_fraction <= high:
        most = math.floor(high * 1000) / 1000
        least = math.floor(low * 1000 + 1) / 1000
        advice = f"data.val_fraction={least} to {most}" if least <= most else "more photos"
        which = "all" if val_fraction > high else "none"
        raise ValueError(
            f"data.val_fraction={val_fraction} holds out {which} of the {len(photos)} photos below "
            f"{printable(photos.root)}, since each one's path decides; accepted: {advice}, or a folder val/ "
            "with photos to hold out, beside a folder train/."
        )
    train = is_train(split)
    return _part(photos, [i for i, of_path in enumerate(shares) if (of_path >= val_fraction) == train])


def share(path: str) -> float:
    """A number in [0, 1) that stands for a path: evenly spread, the same on every machine.

    A name has the same number however its accents are written (macOS writes them otherwise).
    """
    name = unicodedata.normalize("NFC", path.replace(os.sep, "/"))
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def by_number(photos: PhotoFolder, split: str, val_fraction: float) -> PhotoFolder:
    """A share of the photos, or the others, in order, at least one each: which ones depends on their number.

    The rule of runs that began before the paths decided.
    """
    held_out = min(max(1, round(len(photos) * val_fraction)), len(photos) - 1)
    index = split_indices(split, len(photos), len(photos) - held_out, seed=0).sort().values.tolist()
    return _part(photos, index)


def _part(photos: PhotoFolder, index: Sequence[int]) -> PhotoFolder:
    paths, labels = [photos.paths[i] for i in index], photos.labels
    told = (f"{len(paths):,} of {len(photos):,} photos, decided by data.val_fraction", *photos.told)
    labels = None if labels is None else [labels[i] for i in index]
    return PhotoFolder(photos.root, paths, labels, photos.classes, photos.passed_over, told, photos.links)
