"""Finds the folder of a config's run, also if its hash or the place of its images has changed."""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.data.record.image_sets import met_in_sets
from cl_lightning.data.record.resumed import changes
from cl_lightning.files import printable
from cl_lightning.runs.assemble import assemble_data
from cl_lightning.runs.config_file import FOREIGN
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import determining
from cl_lightning.runs.own_images.broken_files import broken_files
from cl_lightning.runs.own_images.lost import files_of, lost
from cl_lightning.runs.own_images.record_file import kept
from cl_lightning.runs.own_images.roots import resolved, roots_of, with_roots


def begun(config: dict[str, Any], folder: RunFolder) -> RunFolder:
    """The folder of the run that a config continues: `folder` (by its hash), or another one of the same run.

    Another folder is the same run if its hash was different in an earlier version, if it has the same images,
    path by path, in another place, or if it has already continued with the images in this place.
    """
    if folder.path.is_dir():
        return folder
    same = determining(config)
    for other, began in _same_but_for_roots(folder, config):
        with suppress(*FOREIGN):
            if determining(began) == same or _has_these_images(other, config):
                return other
    return folder


def may_be_moved(folder: RunFolder, config: dict[str, Any]) -> list[str]:
    """Lines, for a new `folder`, about runs that differ only in the place of their images, which is gone.

    The images may have been moved and changed, or the run has no record to recognise them.
    """
    lines = []
    for other, began in _same_but_for_roots(folder, config) if roots_of(config) else ():
        with suppress(*FOREIGN):
            lines += _lines_about(other, began, config)
    return lines


def _lines_about(run: RunFolder, began: dict[str, Any], config: dict[str, Any]) -> list[str]:
    images = kept(run)
    roots = roots_of(began) if images is None else images.roots
    lost = {key: root for key, root in roots.items() if not os.path.exists(resolved(root))}
    if not lost:
        return []
    key, old = next(iter(lost.items()))
    where = f"{run.path} is the same run with the images in {printable(old)}, which is gone"
    if images is not None:
        changed = ", ".join(f"data.{name} has {change}" for name, change in _changes(run, config).items())
        return [f"{where}; the present images differ: {changed}"]
    above, new = os.path.dirname(old), resolved(roots_of(config)[key])
    steps = [["mkdir", "-p", above]] if above and not os.path.isdir(above) else []
    link = " && ".join(shlex.join(step) for step in [*steps, ["ln", "-s", new, old]])
    return [
        f"{where}, and has no record to compare with these images; if they are the same, it goes on after "
        f"`{printable(link)}` with {key}={printable(old)}"
    ]


def _same_but_for_roots(
    folder: RunFolder, config: dict[str, Any]
) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    """Other runs, beside `folder`, whose configs differ only in the folders of images; with these configs."""
    same = _without_roots(config)
    for file in sorted(folder.path.parent.glob("*/config.yaml")):
        other = RunFolder(file.parent)
        with suppress(*FOREIGN):
            began = other.config()
            if _without_roots(began) == same:
                yield other, began


def _without_roots(config: dict[str, Any]) -> dict[str, Any]:
    return determining(with_roots(config, dict.fromkeys(roots_of(config), "")))


def _has_these_images(folder: RunFolder, config: dict[str, Any]) -> bool:
    images = kept(folder)
    if images is None:
        return False
    if images.roots == {key: resolved(root) for key, root in roots_of(config).items()}:
        return True  # if they have changed, a later check says so
    try:
        return not _changes(folder, config)
    except ConfigError:  # one data set is gone; it is the same run if another one is unchanged
        return len(dict(lost(images, folder, config))) < len(files_of(images))


def _changes(folder: RunFolder, config: dict[str, Any]) -> dict[str, str]:
    """How the images of a config differ from those of a run, as text for each data set."""
    images, met = kept(folder), met_in_sets(broken_files(folder))
    assert images is not None, "the callers have checked this"
    now = assemble_data(config, images.rules).sets.inventories()
    if now.keys() != images.sets.keys():
        return dict.fromkeys(images.sets.keys() ^ now.keys(), "no images")
    found = {name: changes(then, now[name], met.get(name, ())) for name, then in images.sets.items()}
    return {name: change for name, change in found.items() if change}
