"""The record of a run's images: their folders, and the inventory of each data set.

It is saved in the run folder when the run begins. It is compared when the run is resumed or evaluated, and
when a command asks for a run that is already finished.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.data import ContrastiveData
from cl_lightning.data.record.inventory import compressed
from cl_lightning.runs.assemble import RULES, assemble_data
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import has_fixed_content
from cl_lightning.runs.own_images.broken_files import broken_files, keep_broken
from cl_lightning.runs.own_images.lost import explaining_lost_images
from cl_lightning.runs.own_images.record_file import FILE, Images, OtherImagesError, kept
from cl_lightning.runs.own_images.roots import moved, resolved, roots_of, with_roots
from cl_lightning.runs.parent import parent_folder

FIRST_RULES = 1  # for runs that began before runs had this record
OTHER_RUN = (
    "the images that it began with (data.root=DIR if they were moved as a whole), or a new run with these: "
    "another run.root (another run.name is the same run)"
)
AS_TRAINED = "the images that it began with; cl-eval --root DIR if they were moved as a whole"
PUT_BACK = "the images that it began with, put back, or data.root=DIR if they were moved as a whole"


def keep(folder: RunFolder, config: dict[str, Any], data: ContrastiveData) -> None:
    """Write the record of a run that begins; update it if the images were moved.

    A run that began before runs had this record continues without it.
    """
    before = kept(folder)
    if folder.has_begun and before is None:
        return
    roots = {key: resolved(root) for key, root in roots_of(here(config, folder)).items()}
    now = Images(_rules_here(folder, config), roots, data.sets.inventories())
    if before is not None:
        now = now.moved_from(before.roots)
    if now != before:
        sets = {name: vars(part) for name, part in now.sets.items()}
        folder.write(FILE, compressed({"rules": now.rules, "roots": now.roots, "sets": sets}))


def _rules_here(folder: RunFolder, config: dict[str, Any]) -> int:
    """The rules of a run that begins or continues; a run that goes on from another one has that one's."""
    parent = None if folder.has_begun else parent_folder(config)
    return rules_of(folder if parent is None else parent)


def rules_of(folder: RunFolder) -> int:
    """The rules with which a run began; for a new run, the present rules."""
    images = kept(folder)
    if images is not None:
        return images.rules
    return FIRST_RULES if folder.has_begun else RULES


def assembled(config: dict[str, Any], folder: RunFolder) -> ContrastiveData:
    """The data of a run that begins or continues, with the rules with which it began.

    If the images have changed, but no step was saved yet, the run starts again, with a warning.

    Raises:
        ConfigError: the images have changed (says how); a data set can't be built.
    """
    saved = folder.checkpoint.is_file()
    with explaining_lost_images(folder, here(config, folder), PUT_BACK) if saved else nullcontext():
        data = assemble_data(here(config, folder), _rules_here(folder, config))
    try:
        go_on(folder, data, OTHER_RUN, compare=first_of_machine() or not saved)
    except OtherImagesError as error:
        if saved:
            raise
        if first_of_machine():
            what = str(error).partition("; accepted: ")[0]
            print(f"warning: {what}; no step of it was saved, so it begins anew", file=sys.stderr)
        data = assemble_data(here(config, folder), _rules_here(folder, config))
    data.broken.keep = lambda path: keep_broken(folder, data, [path])
    return data


def go_on(folder: RunFolder, data: ContrastiveData, accepted: str, compare: bool) -> None:
    """Number the images of `data` as when the run began.

    Args:
        accepted: the advice in the error message.
        compare: whether to compare all files; one process on each machine is enough.

    Raises:
        OtherImagesError: the images have changed; says how.
    """
    images = kept(folder)
    if images is not None:
        with _as_other_images():
            data.sets.go_on_with(images.sets, broken_files(folder), folder.path, accepted, compare)


def images_to_evaluate(folder: RunFolder, root: str | None) -> tuple[dict[str, Any], ContrastiveData]:
    """The config of a run with the present folders of its images, and its data.

    Args:
        root: the present folder of the images, if they were moved as a whole; for several folders, their
            common parent. None: the folder when the run began.

    Raises:
        OtherImagesError: the images are missing or have changed; says how.
        ConfigError: the run has no folder for `root`; a data set can't be built.
    """
    config, images = folder.config(), kept(folder)
    roots = roots_of(config) | ({} if images is None else images.roots)
    if root is not None:
        if not roots:
            raise ConfigError(
                f"--root is {root}, but {folder.path} has no folder of images; accepted: no --root"
            )
        roots = moved(roots, root)
    for place in roots.values():
        if not os.path.exists(resolved(place)):
            raise OtherImagesError(f"the images of {folder.path} are not in {place}; accepted: --root DIR")
    config = with_roots(config, roots)
    with explaining_lost_images(folder, config, AS_TRAINED):
        data = assemble_data(_allowing(config, len(broken_files(folder))), rules_of(folder))
    if images is not None:
        go_on(folder, data, AS_TRAINED, compare=True)
    elif folder.checkpoint.is_file():
        state = Checkpoint(folder.path).content.get("ContrastiveData", {})
        if "inventories" not in state and not has_fixed_content(config):
            what = "began before runs recorded their images, so only the number of images is compared"
            print(f"warning: {folder.path} {what}", file=sys.stderr)
        with _as_other_images():
            data.sets.go_on_from(state, folder.path, AS_TRAINED, compare=True)
    return config, data


@contextmanager
def _as_other_images() -> Iterator[None]:
    """Turns a ValueError of `ContrastiveData` into an OtherImagesError, which is more specific."""
    try:
        yield
    except ValueError as error:
        raise OtherImagesError(str(error)) from error


def _allowing(config: dict[str, Any], broken: int) -> dict[str, Any]:
    """The config, with a `data.max_broken` that allows the broken files that the run met."""
    if not broken:
        return config
    data = config["data"]
    return config | {"data": data | {"max_broken": max(broken, data.get("max_broken") or 0)}}


def first_of_machine() -> bool:
    """Whether this is the first process of the run on this machine."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "SLURM_LOCALID"))


def here(config: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """The config of a run that continues. A relative folder that does not exist here is replaced by the
    folder with which the run began."""
    images = kept(folder)
    if images is None:
        return config
    lost = [key for key, root in roots_of(config).items() if not os.path.exists(os.path.expanduser(root))]
    relative = [key for key in lost if not Path(roots_of(config)[key]).is_absolute() and key in images.roots]
    return with_roots(config, {key: images.roots[key] for key in relative})
