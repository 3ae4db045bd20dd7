"""Weights to start from: of our runs, and of other programs."""

from cl_lightning.weights.begin import ALL, Begun, begin, init_weights, parts_of

__all__ = ["ALL", "Begun", "begin", "init_weights", "parts_of"]
