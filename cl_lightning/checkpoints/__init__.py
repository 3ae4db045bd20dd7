"""Checkpoints: written completely or not at all, and read without running code; trained weights in them."""

from cl_lightning.checkpoints.atomic import AtomicCheckpointIO
from cl_lightning.checkpoints.backbone import load_backbone
from cl_lightning.checkpoints.background import BackgroundCheckpointIO
from cl_lightning.checkpoints.checkpoint import AS_SAVED, DESCRIPTION, Checkpoint

__all__ = [
    "AS_SAVED",
    "DESCRIPTION",
    "AtomicCheckpointIO",
    "BackgroundCheckpointIO",
    "Checkpoint",
    "load_backbone",
]
