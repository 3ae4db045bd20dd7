"""Whether a set has labels."""

from cl_lightning.data.item import NO_LABEL
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.readable import ReadableImages
from cl_lightning.data.sets.tensor_images import TensorImages


def has_labels(part: MapStyle) -> bool:
    """False where an image of `part` is known to have none; of a user's own Dataset, where the first has."""
    if isinstance(part, TensorImages):
        return bool((part.labels != NO_LABEL).all())
    files = part if isinstance(part, ReadableImages) else ReadableImages(part, max_broken=0)
    if isinstance(files.dataset, PhotoFolder):
        return files.dataset.labels is not None
    return files[0][1] != NO_LABEL
