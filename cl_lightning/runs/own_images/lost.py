"""Explains how a run's images have changed, if its data sets can no longer be built."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.data.photos.accents import under_names_of
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.photos.rules import tree_of
from cl_lightning.data.record.image_sets import met_in_sets
from cl_lightning.data.record.inventory import Files, inventory
from cl_lightning.data.record.resumed import changes
from cl_lightning.files import printable
from cl_lightning.runs.assemble import PHOTO_FOLDERS
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.own_images.broken_files import broken_files
from cl_lightning.runs.own_images.record_file import Images, OtherImagesError, kept
from cl_lightning.runs.own_images.roots import place_now, roots_of


@contextmanager
def explaining_lost_images(folder: RunFolder, config: Mapping[str, Any], accepted: str) -> Iterator[None]:
    """Turns an error in building data sets of photos into one that says how the run's images have changed.

    The original advice is for new runs (such as a share to hold out), and would make another run.

    Args:
        folder: the run folder.
        config: the run's config, with the present folders of its images.
        accepted: the advice.

    Raises:
        OtherImagesError: says what is gone or new; for a run without a record, the original reason.
    """
    try:
        yield
    except ConfigError as error:
        images, what = kept(folder), str(error).partition("; accepted: ")[0]
        if images is None:
            if config["data"]["train"].get("_target_") not in PHOTO_FOLDERS:
                raise
            what = f"the images of {folder.path} are not as it began: {what}"
            raise OtherImagesError(f"{what}; accepted: {accepted}") from error
        for name, change in lost(images, folder, config):
            raise OtherImagesError(
                f"data.{name} is not what {folder.path} began with: {change}; accepted: {accepted}"
            ) from error
        raise


def lost(images: Images, folder: RunFolder, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The data sets that have changed, and how; sets that can't be read are skipped."""
    met, files = met_in_sets(broken_files(folder)), files_of(images)
    for name, then in files.items():
        place = place_now(then.root, name, images.roots, roots_of(config))
        others = [part.paths for other, part in files.items() if other != name and part.root == then.root]
        with suppress(ValueError):
            if change := _changes(then, place, {*chain(*others)}, images.rules, met.get(name, ())):
                yield name, change


def files_of(images: Images) -> dict[str, Files]:
    """The data sets of files."""
    return {name: part for name, part in images.sets.items() if isinstance(part, Files)}


def _changes(then: Files, place: str, others: set[str], rules: Any, met: Collection[str]) -> str:
    """How the photos in a folder have changed, without those that belong to other data sets."""
    if not os.path.isdir(place):
        return f"its {len(then.paths):,} photos were in {printable(place)}, and that folder is gone"
    paths, elsewhere = list(tree_of(Path(place), rules).paths()), others.difference(then.paths)
    names = under_names_of({*elsewhere, *then.paths}, [os.path.relpath(path, place) for path in paths])
    own = [path for path, known in zip(paths, names, strict=True) if known not in elsewhere]
    return changes(then, inventory(PhotoFolder(Path(place), own, None, [])), met)
