"""A user's own folder of photos, in any layout."""

from pathlib import Path

from cl_lightning.data.photos.held_out import by_number, by_path
from cl_lightning.data.photos.labels import class_names, photos
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.photos.rules import Rules, tree_of
from cl_lightning.data.photos.split_folders import Folders, first_parts, missing, parts
from cl_lightning.data.split import is_train
from cl_lightning.files import printable


def image_folder(
    root: str | Path,
    split: str = "train",
    val_fraction: float | None = None,
    labels: bool | None = None,
    rules: Rules = 3,
) -> PhotoFolder:
    """The photos of one split of `root`, with sub-folders, as uint8 RGB [3, H, W] with class numbers if any.

    The splits are folders named train and val, or similar (Training, valid, Validation, ...). If there is no
    validation folder, a share of the training photos is held out; each photo's own path decides. Photos are
    in natural order of their paths.

    Args:
        root: holds both split folders, or only the training folder, or photos without split folders.
        split: `train` or `val`.
        val_fraction: the share to hold out if there is no validation folder, above 0 and below 1.
        labels: whether the folders of the first level are the classes. None: they are if there are two or
            more of them and no photo lies beside them.
        rules: the version of the rules by which photos and splits are found. New runs use 3. Runs from before
            a run stored its images use 1; runs from before images_train/, train_val/ and the like counted as
            splits use 2.
    """
    train, root = is_train(split), Path(root).expanduser()
    if not root.is_dir():
        raise missing(root)
    found = first_parts(root) if rules == 1 else parts(root, all_spellings=rules > 2)
    _check(found, val_fraction)
    if not train and found.val is not None:
        classes = class_names(tree_of(found.train, rules))
        return photos(tree_of(found.val, rules), labels, classes if labels or len(classes) > 1 else ())
    if not train and val_fraction is None:
        raise ValueError(
            f"there is no folder {printable(root / 'val')}; accepted: a data.val_fraction of the photos to "
            f"hold out, such as 0.1, or data.val=null for no evaluation{_of_test(found)}."
        )
    everything = photos(tree_of(found.train, rules), labels, notes=found.notes)
    if val_fraction is None:
        return everything
    if len(everything) < 2:
        raise ValueError(
            f"{printable(everything.root)} has 1 photo; accepted: 2 or more where data.val_fraction holds "
            "some out."
        )
    return (by_number if rules == 1 else by_path)(everything, split, val_fraction)


def _check(found: Folders, val_fraction: float | None) -> None:
    if val_fraction is not None and not 0 < val_fraction < 1:
        raise ValueError(f"data.val_fraction={val_fraction}; accepted: above 0 and below 1, or null.")
    if val_fraction is not None and found.val is not None:
        raise ValueError(
            f"data.val_fraction={val_fraction}, but {printable(found.val)} has photos for validation; "
            f"accepted: data.val_fraction=null, or data.root={printable(found.train)} without them."
        )


def _of_test(found: Folders) -> str:
    """Advice for a folder of test photos, which is never used for validation by itself."""
    if found.test is None:
        return ""
    return f", or {printable(found.test.name)}/ renamed or linked as val/, to evaluate on it"
