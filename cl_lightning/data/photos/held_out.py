"""Splits the photos of one folder into training photos and held-out validation photos."""

import hashlib
import math
import os
import unicodedata
from collections.abc import Sequence

from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.split import is_train, split_indices
from cl_lightning.files import printable


def by_path(photos: PhotoFolder, split: str, val_fraction: float) -> PhotoFolder:
    """The photos of one split, in order; about `val_fraction` of all photos are held out.

    Each photo's own path below `photos.root` decides. So a new photo changes the split of no other photo, nor
    does moving the folder or using another system. A larger fraction holds out the same photos and more.

    Raises:
        ValueError: a split is empty; says which fractions fill both.
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
            f"{printable(photos.root)}, because each photo's path decides; accepted: {advice}, or a folder "
            "val/ with photos to hold out, beside a folder train/."
        )
    train = is_train(split)
    return _part(photos, [i for i, of_path in enumerate(shares) if (of_path >= val_fraction) == train])


def share(path: str) -> float:
    """A number in [0, 1) from the hash of a path: evenly spread, the same on every machine.

    The Unicode form of accents (macOS uses another one) does not change the number.
    """
    name = unicodedata.normalize("NFC", path.replace(os.sep, "/"))
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def by_number(photos: PhotoFolder, split: str, val_fraction: float) -> PhotoFolder:
    """The photos of one split, in order, at least one in each. Which ones depends on the number of photos.

    The rule of old runs (rules 1).
    """
    held_out = min(max(1, round(len(photos) * val_fraction)), len(photos) - 1)
    index = split_indices(split, len(photos), len(photos) - held_out, seed=0).sort().values.tolist()
    return _part(photos, index)


def _part(photos: PhotoFolder, index: Sequence[int]) -> PhotoFolder:
    paths, labels = [photos.paths[i] for i in index], photos.labels
    notes = (f"{len(paths):,} of {len(photos):,} photos, decided by data.val_fraction", *photos.notes)
    labels = None if labels is None else [labels[i] for i in index]
    return PhotoFolder(photos.root, paths, labels, photos.classes, photos.passed_over, notes, photos.links)
