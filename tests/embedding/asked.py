"""cl-embed called in this process, and what its files hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cl_lightning.data.photos.decode import decode
from cl_lightning.embedding import Embedding, Options, embed
from cl_lightning.embedding.formats import FORMATS
from cl_lightning.pairs.middle import middle

HERE = ("data.num_workers=0", "data.batch_size=3")


class Content(NamedTuple):
    files: list[str]
    labels: list[str]
    vectors: np.ndarray


def embedded(run: Path, images: Sequence[str | Path], to: Path, **options: Any) -> Embedding:
    """What the command makes, on the CPU and without workers."""
    words = [*map(str, images), *HERE]
    done = embed(Options(str(run), words, str(to), **{"accelerator": "cpu"} | options))
    assert done is not None
    return done


def content(file: Path) -> Content:
    """All rows of a file, by our own readers."""
    blocks = list(FORMATS[file.suffix].read(file))
    return Content(
        [name for block in blocks for name in block.files],
        [label for block in blocks for label in block.labels],
        np.concatenate([block.vectors for block in blocks]),
    )


def by_hand(network: Any, paths: Sequence[Path]) -> Tensor:
    """`(pixels / 255 - mean) / std` of the middle of each photo, through a network of `load_backbone`."""
    images = torch.stack([middle(decode(str(path)), network.size) for path in paths])
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (network.mean, network.std))
    with torch.no_grad():
        return network((images / 255 - mean) / std)
