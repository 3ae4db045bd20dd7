"""Positive pairs: two random views of every image, in batches and reproducible."""

from cl_lightning.pairs.clean import clean
from cl_lightning.pairs.recipes import digit_views, moco_v2_views, simclr_views
from cl_lightning.pairs.views import Views

__all__ = ["Views", "clean", "digit_views", "moco_v2_views", "simclr_views"]

# What a config may name.
OPTIONS = (
    "cl_lightning.pairs.Views",
    "cl_lightning.pairs.affine.Affine",
    "cl_lightning.pairs.blur.Blur",
    "cl_lightning.pairs.brightness.Brightness",
    "cl_lightning.pairs.crop.Crop",
    "cl_lightning.pairs.digit_views",
    "cl_lightning.pairs.flip.Flip",
    "cl_lightning.pairs.greyscale.Greyscale",
    "cl_lightning.pairs.jitter.Jitter",
    "cl_lightning.pairs.moco_v2_views",
    "cl_lightning.pairs.simclr_views",
    "cl_lightning.pairs.solarize.Solarize",
)
