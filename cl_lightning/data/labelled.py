"""Whether a data set has labels."""

from cl_lightning.data.item import NO_LABEL
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.readable import ReadableImages
from cl_lightning.data.sets.tensor_images import TensorImages

LOOKED_AT = 1000  # so many images of a user's own Dataset are read, until one has a label


def has_labels(part: MapStyle) -> bool:
    """Whether every image of `part` has a label. For a user's own Dataset only the first image is read."""
    if isinstance(part, TensorImages):
        return bool((part.labels != NO_LABEL).all())
    files = part if isinstance(part, ReadableImages) else ReadableImages(part, max_broken=0)
    if isinstance(files.dataset, PhotoFolder):
        return files.dataset.labels is not None
    return files[0][1] != NO_LABEL


def any_label(part: MapStyle) -> bool:
    """Whether some image of `part` has a label. Of a user's own Dataset about 1,000 images are read."""
    if isinstance(part, TensorImages):
        return bool((part.labels != NO_LABEL).any())
    files = part if isinstance(part, ReadableImages) else ReadableImages(part, max_broken=0)
    if isinstance(files.dataset, PhotoFolder):
        return files.dataset.labels is not None
    places = range(0, len(files), max(1, len(files) // LOOKED_AT))
    return any(files[place][1] != NO_LABEL for place in places)
