"""Weights to start from: of our runs, and of other programs."""

from cl_lightning.weights.begin import Begun, init_weights, parts_of

__all__ = ["Begun", "init_weights", "parts_of"]
