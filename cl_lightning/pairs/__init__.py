"""How positive pairs are made: two random views of every image, batched and reproducible."""

from cl_lightning.pairs.clean import clean
from cl_lightning.pairs.recipes import digit_views, moco_v2_views, simclr_views
from cl_lightning.pairs.views import Views

__all__ = ["Views", "clean", "digit_views", "moco_v2_views", "simclr_views"]
