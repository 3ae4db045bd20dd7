"""The folder of the run that a config means."""

from contextlib import suppress
from typing import Any

from cl_lightning.data.going_on import changes
from cl_lightning.data.image_sets import met_in_sets
from cl_lightning.runs.assemble import assemble_data
from cl_lightning.runs.broken_files import broken_files
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import determining
from cl_lightning.runs.image_record import kept
from cl_lightning.runs.nearest import FOREIGN
from cl_lightning.runs.roots import resolved, roots_of, with_roots


def begun(config: dict[str, Any], folder: RunFolder) -> RunFolder:
    """The run that a config continues: `folder`, that of its hash, unless the same run has another folder.

    That is a run whose hash was another in an earlier version, one of the same images, path by path, in
    another place, or one that has gone on in this place before.
    """
    if folder.path.is_dir():
        return folder
    same, same_elsewhere = determining(config), _without_roots(config)
    for file in sorted(folder.path.parent.glob("*/config.yaml")):
        other = RunFolder(file.parent)
        with suppress(*FOREIGN):
            began = other.config()
            if determining(began) == same:
                return other
            if _without_roots(began) == same_elsewhere and _has_these_images(other, config):
                return other
    return folder


def _without_roots(config: dict[str, Any]) -> dict[str, Any]:
    return determining(with_roots(config, dict.fromkeys(roots_of(config), "")))


def _has_these_images(folder: RunFolder, config: dict[str, Any]) -> bool:
    images = kept(folder)
    if images is None:
        return False
    if images.roots == {key: resolved(root) for key, root in roots_of(config).items()}:
        return True  # whatever has become of them: that is told
    now, met = assemble_data(config, images.rules).sets.inventories(), met_in_sets(broken_files(folder))
    return now.keys() == images.sets.keys() and not any(
        changes(then, now[name], met.get(name, ())) for name, then in images.sets.items()
    )
