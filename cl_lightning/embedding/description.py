"""What an embedding is: in the file for its reader, and beside its parts for the command that goes on."""

import hashlib
import json
import os
from typing import Any

import cl_lightning
from cl_lightning.embedding.rows import Rows
from cl_lightning.embedding.source import Source
from cl_lightning.runs.given_images import Given

NOT_PART = ("batch_size", "num_workers", "max_broken", "positives", "download")  # of the images


def described(source: Source, shape: tuple[int, ...], given: Given, rows: Rows) -> dict[str, Any]:
    """Method, checkpoint (SHA-256), epoch, encoder, layer, shape of a vector, and the images.

    It names no folder of this machine.
    """
    return {
        "method": source.checkpoint.description["method"],
        "checkpoint": source.checkpoint.sha256,
        "epoch": source.checkpoint.content.get("epoch"),
        "encoder": source.encoder,
        "layer": source.layer,
        "shape": list(shape),
        "images": {"name": given.name, "number": len(rows), "digest": _digest(given, rows)},
        "cl_lightning": cl_lightning.__version__,
    }


def _digest(given: Given, rows: Rows) -> str:
    """A hash of the names of all images, and of where they are from."""
    data = {name: value for name, value in given.config["data"].items() if name not in NOT_PART}
    root = "" if given.root is None else os.path.realpath(given.root)
    text = json.dumps([root, data, rows.digest], sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
