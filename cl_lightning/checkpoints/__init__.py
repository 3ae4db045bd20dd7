"""Checkpoints: written completely or not at all, and read without running code; trained weights in them."""

from cl_lightning.checkpoints.atomic import AtomicCheckpointIO
from cl_lightning.checkpoints.backbone import load_backbone
from cl_lightning.checkpoints.background import BackgroundCheckpointIO
from cl_lightning.checkpoints.checkpoint import AS_SAVED, DESCRIPTION, Checkpoint
from cl_lightning.checkpoints.layers import LAYERS, load_layer, load_views

__all__ = [
    "AS_SAVED",
    "DESCRIPTION",
    "LAYERS",
    "AtomicCheckpointIO",
    "BackgroundCheckpointIO",
    "Checkpoint",
    "load_backbone",
    "load_layer",
    "load_views",
]
