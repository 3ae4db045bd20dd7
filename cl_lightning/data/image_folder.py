"""A user's own folder of photos, in whatever layout it is."""

from pathlib import Path
from typing import Literal

from cl_lightning.data.held_out import by_number, by_path
from cl_lightning.data.labels import photos
from cl_lightning.data.photo_folder import PhotoFolder, class_names
from cl_lightning.data.split import is_train


def image_folder(
    root: str | Path,
    split: str = "train",
    val_fraction: float | None = None,
    labels: bool | None = None,
    rules: Literal[1, 2] = 2,
) -> PhotoFolder:
    """The photos below `root/split/`, sub-folders too, as uint8 RGB [3, H, W], with class numbers if any.

    Without `root/val/`, a share of the photos below `root/train/`, or below `root` itself, is held out for
    validation: each photo's own path decides. Photos are in natural order of their paths.

    Args:
        root: holds train/ and val/, or train/ only, or neither but the photos.
        split: `train` or `val`.
        val_fraction: held out where there is no val/, above 0 and below 1.
        labels: whether the folders of the first level are the classes; None: where there are two or more of
            them, and no photo lies beside them.
        rules: 1 is what runs began with before a run stored its images; new ones follow 2.

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
    if val_fraction is None:
        return everything
    if len(everything) < 2:
        raise ValueError(
            f"{everything.root} has 1 photo; accepted: 2 or more where data.val_fraction holds some out."
        )
    return (by_number if rules == 1 else by_path)(everything, split, val_fraction)


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
