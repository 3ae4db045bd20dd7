"""Imagenette: ten easy classes of ImageNet."""

from pathlib import Path

from torchvision.datasets import Imagenette

from cl_lightning.data.photos.labels import photos
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.photos.rules import Rules, tree_of
from cl_lightning.data.sets.download import Archive, fetch
from cl_lightning.data.split import is_train


def imagenette(
    root: str | Path,
    split: str = "train",
    resolution: str = "160px",
    download: bool = False,
    rules: Rules = 3,
) -> PhotoFolder:
    """The 9,469 training photos of Imagenette (second version), or its 3,925 validation photos, 10 classes.

    `resolution` is the short side of the stored photos: `160px`, `320px`, or `full`. `root` holds
    `imagenette2-160`, `imagenette2-320` or `imagenette2`; `download` fetches it when missing.
    `rules`: see `image_folder`.
    Raises ValueError when it is missing, and for a split or resolution that does not exist.
    """
    is_train(split)
    archives = Imagenette._ARCHIVES  # private, but torchvision has no public list
    if resolution not in archives:
        raise ValueError(f"data.resolution={resolution!r}; accepted: {', '.join(archives)}.")
    root, (url, md5) = Path(root).expanduser(), archives[resolution]
    archive = Archive("Imagenette", url, Path(url).name, md5, Path(url).stem)
    folder = root / archive.folder / split
    if download:
        fetch(archive, root, folder.is_dir)
    if not folder.is_dir():
        raise ValueError(f"Imagenette: there is no folder {folder}; {archive.advice(root)}")
    return photos(tree_of(folder, rules), labels=True)
