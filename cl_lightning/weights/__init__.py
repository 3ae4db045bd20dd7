"""Weights to start from: of our runs, and of other programs."""

from cl_lightning.weights.begin import ALL, Begun, begin, init_weights, parts_of
from cl_lightning.weights.named import forget_named

__all__ = ["ALL", "Begun", "begin", "forget_named", "init_weights", "parts_of"]
