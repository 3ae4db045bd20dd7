"""Folders of small photos."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_photos(root: Path, *names: str, broken: tuple[str, ...] = ()) -> Path:
    """A photo of noise, 12 x 10 pixels, at each name below `root`; the broken ones end after 60 bytes."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (12, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        if name in broken:
            path.write_bytes(path.read_bytes()[:60])
    return root
