"""Checks of the arguments of ContrastiveData, which are the config keys below `data`."""

import socket
import warnings
from collections.abc import Mapping
from typing import Any

from torch.utils.data import IterableDataset

from cl_lightning.data.map_style import MapStyle

# The advice for a run whose images have changed.
OTHER_RUN = (
    "the images that it began with, or a new run of these: another run.root (another run.name continues this "
    "run), in Python a fit without ckpt_path"
)


def check_sets(sets: Mapping[str, Any]) -> None:
    """Raises ValueError for an object that is no map-style data set, and for an empty one."""
    for name, part in sets.items():
        if isinstance(part, IterableDataset) or not (part is None or isinstance(part, MapStyle)):
            kind = type(part).__name__
            kind = f"an IterableDataset ({kind})" if isinstance(part, IterableDataset) else f"a {kind}"
            raise ValueError(
                f"data.{name} is {kind}; accepted: a map-style Dataset, with __len__ and "
                f"a __getitem__ that gives an image or (image, label). Change data.{name}."
            )
        if part is not None and not len(part):
            raise ValueError(f"data.{name} holds no images; accepted: one or more. Change data.{name}.")


def check_shares(sets: Mapping[str, MapStyle], processes: int) -> None:
    """Raises ValueError for a data set with fewer images than processes: each process evaluates a share."""
    for name, part in sets.items():
        if len(part) < processes:
            raise ValueError(
                f"data.{name} holds fewer images ({len(part)}) than there are processes ({processes}); "
                f"accepted: {processes} or more. Change data.{name}, trainer.devices or trainer.num_nodes."
            )


def check_same_images(
    saved: Mapping[str, int], sets: Mapping[str, MapStyle], run: Any, accepted: str
) -> None:
    """Raises ValueError when the number of images has changed; for old runs, which stored nothing else."""
    for name, part in sets.items():
        if len(part) != saved.get(name, len(part)):
            raise ValueError(
                f"data.{name} holds {len(part):,} images, but {run} began with {saved[name]:,}; accepted: "
                f"{accepted}. Change data.{name}."
            )


def check_numbers(**numbers: int) -> None:
    """Raises ValueError for a number below 0."""
    for name, number in numbers.items():
        if number < 0:
            raise ValueError(f"data.{name}={number}; accepted: 0 or more. Change data.{name}.")


def check_workers(num_workers: int) -> None:
    """Raises ValueError for workers on a system that can't pass an open file to another process."""
    if num_workers and not hasattr(socket, "send_fds"):
        raise ValueError(
            f"data.num_workers={num_workers}; accepted on Windows: 0, because workers send images in open "
            "files, which Windows can't pass between processes. Change data.num_workers."
        )


def warn_of_no_effect(**numbers: int) -> None:
    """Warn about numbers above 0 that have no effect on images in memory."""
    for name, number in numbers.items():
        if number:
            warnings.warn(
                f"data.{name}={number} has no effect: these images are held in memory.", stacklevel=3
            )
