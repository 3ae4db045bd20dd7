"""Trained weights, out of the files that hold them."""

from cl_lightning.checkpoints.backbone import load_backbone
from cl_lightning.checkpoints.checkpoint import DESCRIPTION, Checkpoint

__all__ = ["DESCRIPTION", "Checkpoint", "load_backbone"]
