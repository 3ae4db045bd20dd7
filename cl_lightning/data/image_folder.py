"""A user's own folder of photos, in whatever layout it is."""

from pathlib import Path

from cl_lightning.data.labels import photos
from cl_lightning.data.photo_folder import PhotoFolder, class_names
from cl_lightning.data.split import is_train, split_indices


def image_folder(
    root: str | Path, split: str = "train", val_fraction: float | None = None, labels: bool | None = None
) -> PhotoFolder:
    """The photos below `root/split/`, sub-folders too, as uint8 RGB [3, H, W], with class numbers if any.

    Without `root/val/`, a share of the photos below `root/train/`, or below `root` itself, is held out for
    validation: which ones depends on their number only. Photos are in natural order of their paths.

    Args:
        root: holds train/ and val/, or train/ only, or neither but the photos.
        split: `train` or `val`.
        val_fraction: held out where there is no val/, above 0 and below 1.
        labels: whether the folders of the first level are the classes; None: where there are two or more of
            them, and no photo lies beside them.

    Raises:
        ValueError: says what is missing, or what `val_fraction` or `labels` does not fit.
    """
    train, root = is_train(split), Path(root).expanduser()
    _check(root, val_fraction)
    trained, val = root / "train" if (root / "train").is_dir() else root, root / "val"
    if val.is_dir() and not train:
        classes = class_names(trained)
        return photos(val, labels, classes if labels or len(classes) > 1 else ())
    if not train and val_fraction is None:
        raise ValueError(
            f"there is no folder {val}; accepted: a data.val_fraction of the photos to hold out, such as "
            "0.1, or data.val=null for no evaluation."
        )
    everything = photos(trained, labels)
    return everything if val_fraction is None else _part(everything, split, val_fraction)


def _check(root: Path, val_fraction: float | None) -> None:
    train, val = root / "train", root / "val"
    if val_fraction is not None and not 0 < val_fraction < 1:
        raise ValueError(f"data.val_fraction={val_fraction}; accepted: above 0 and below 1, or null.")
    if not root.is_dir() or (val.is_dir() and not train.is_dir()):
        missing = train if val.is_dir() else root
        raise ValueError(
            f"there is no folder {missing}; accepted: a data.root that holds train/CLASS/*.jpg and "
            "val/CLASS/*.jpg, or photos in any folders with a data.val_fraction to hold out."
        )
    if val_fraction is not None and val.is_dir():
        raise ValueError(
            f"data.val_fraction={val_fraction}, but {val} has photos for validation; accepted: "
            "data.val_fraction=null, or a data.root without val/."
        )


def _part(photos: PhotoFolder, split: str, val_fraction: float) -> PhotoFolder:
    """The photos that are held out, or the others, in order: at least one each."""
    if len(photos) < 2:
        raise ValueError(
            f"{photos.root} has 1 photo; accepted: 2 or more where data.val_fraction holds some out."
        )
    held_out = min(max(1, round(len(photos) * val_fraction)), len(photos) - 1)
    index = split_indices(split, len(photos), len(photos) - held_out, seed=0).sort().values.tolist()
    labels = None if photos.labels is None else [photos.labels[i] for i in index]
    return PhotoFolder(photos.root, [photos.paths[i] for i in index], labels, photos.classes)
