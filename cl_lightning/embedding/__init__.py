"""Vectors of any images from a trained encoder: computed in chunks, written to one file as a whole."""

from cl_lightning.embedding.making import Embedding, Options, Preparation, embed, made

__all__ = ["Embedding", "Options", "Preparation", "embed", "made"]
