"""What a run knows of its images: where they are, and what its sets consist of.

It is kept in the run folder as the run begins, and compared when it goes on, when it is said to be finished
and when it is evaluated.
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
from cl_lightning.runs.own_images.lost import what_is_lost_told
from cl_lightning.runs.own_images.record_file import FILE, Images, OtherImagesError, kept
from cl_lightning.runs.own_images.roots import moved, resolved, roots_of, with_roots

FIRST_RULES = 1  # of runs that began before they kept what their images are
OTHER_RUN = (
    "the images that it began with (data.root=DIR where they were moved as a whole), or a new run of these: "
    "another run.root (another run.name is the same run)"
)
AS_TRAINED = "the images that it began with; cl-eval --root DIR where they were moved as a whole"
PUT_BACK = "the images that it began with, put back, or data.root=DIR where they were moved as a whole"


def keep(folder: RunFolder, config: dict[str, Any], data: ContrastiveData) -> None:
    """Write into its folder what the images of a run are that begins (anew), or that are elsewhere by now.

    A run that began before runs kept them goes on without.
    """
    before = kept(folder)
    if folder.has_begun and before is None:
        return
    roots = {key: resolved(root) for key, root in roots_of(here(config, folder)).items()}
    now = Images(rules_of(folder), roots, data.sets.inventories())
    if before is not None:
        now = now.moved_from(before.roots)
    if now != before:
        sets = {name: vars(part) for name, part in now.sets.items()}
        folder.write(FILE, compressed({"rules": now.rules, "roots": now.roots, "sets": sets}))


def rules_of(folder: RunFolder) -> int:
    """The rules that a run began with; of a new run those of today."""
    images = kept(folder)
    if images is not None:
        return images.rules
    return FIRST_RULES if folder.has_begun else RULES


def assembled(config: dict[str, Any], folder: RunFolder) -> ContrastiveData:
    """The data of a run that begins or goes on, by the rules that it began with.

    A run that has saved no step yet begins anew with other images, and that is told.

    Raises:
        ConfigError: the images are not those that it began with, and how; a part that can't be built.
    """
    saved = folder.checkpoint.is_file()
    with what_is_lost_told(folder, here(config, folder), PUT_BACK) if saved else nullcontext():
        data = assemble_data(here(config, folder), rules_of(folder))
    try:
        go_on(folder, data, OTHER_RUN, compare=first_of_machine() or not saved)
    except OtherImagesError as error:
        if saved:
            raise
        if first_of_machine():
            what = str(error).partition("; accepted: ")[0]
            print(f"warning: {what}; no step of it was saved, so it begins anew", file=sys.stderr)
        data = assemble_data(here(config, folder), rules_of(folder))
    data.broken.keep = lambda path: keep_broken(folder, data, [path])
    return data


def go_on(folder: RunFolder, data: ContrastiveData, accepted: str, compare: bool) -> None:
    """Have `data` go on with the images that the run began with.

    Args:
        accepted: for the message of what has changed.
        compare: whether to look at all files; once on each machine is enough.

    Raises:
        OtherImagesError: they are others now, and how.
    """
    images = kept(folder)
    if images is not None:
        with _other_images_told():
            data.sets.go_on_with(images.sets, broken_files(folder), folder.path, accepted, compare)


def images_to_evaluate(folder: RunFolder, root: str | None) -> tuple[dict[str, Any], ContrastiveData]:
    """The config of a run with the folders of its images as they are now, and its data.

    Args:
        root: where the images are now, if they were moved as a whole: of several folders, the one that they
            share; None: where they were when the run began.

    Raises:
        OtherImagesError: the images are not those that it began with, and how; or they are not there.
        ConfigError: `root` for no folder; a part that can't be built.
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
    with what_is_lost_told(folder, config, AS_TRAINED):
        data = assemble_data(_allowing(config, len(broken_files(folder))), rules_of(folder))
    if images is not None:
        go_on(folder, data, AS_TRAINED, compare=True)
    elif folder.checkpoint.is_file():
        state = Checkpoint(folder.path).content.get("ContrastiveData", {})
        if "inventories" not in state and not has_fixed_content(config):
            told = "began before runs kept what their images are, so these are compared by their number only"
            print(f"warning: {folder.path} {told}", file=sys.stderr)
        with _other_images_told():
            data.sets.go_on_from(state, folder.path, AS_TRAINED, compare=True)
    return config, data


@contextmanager
def _other_images_told() -> Iterator[None]:
    """What `ContrastiveData` refuses inside is an OtherImagesError, which tells it from any other."""
    try:
        yield
    except ValueError as error:
        raise OtherImagesError(str(error)) from error


def _allowing(config: dict[str, Any], broken: int) -> dict[str, Any]:
    """The config of a run that met so many broken files, which its evaluation meets again."""
    if not broken:
        return config
    data = config["data"]
    return config | {"data": data | {"max_broken": max(broken, data.get("max_broken") or 0)}}


def first_of_machine() -> bool:
    """Whether this is the first of the processes that a launcher has started here."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "SLURM_LOCALID"))


def here(config: dict[str, Any], folder: RunFolder) -> dict[str, Any]:
    """The config of a run that goes on; a relative folder that is not here is the one that it began with."""
    images = kept(folder)
    if images is None:
        return config
    lost = [key for key, root in roots_of(config).items() if not os.path.exists(os.path.expanduser(root))]
    relative = [key for key in lost if not Path(roots_of(config)[key]).is_absolute() and key in images.roots]
    return with_roots(config, {key: images.roots[key] for key in relative})
