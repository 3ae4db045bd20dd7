"""Checks that a finished run is the one that a command asks for."""

import json
import os
import sys
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.data import ContrastiveData
from cl_lightning.data.checks import check_same_images
from cl_lightning.data.record.image_sets import met_in_sets
from cl_lightning.data.record.resumed import changes
from cl_lightning.runs.assemble import assemble_data
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import has_fixed_content
from cl_lightning.runs.own_images.broken_files import broken_files, is_still_broken
from cl_lightning.runs.own_images.lost import explaining_lost_images
from cl_lightning.runs.own_images.record import OTHER_RUN, PUT_BACK, first_of_machine, here, rules_of
from cl_lightning.runs.own_images.record_file import OtherImagesError, kept
from cl_lightning.runs.own_images.roots import resolved, roots_of


class FinishedRuns:
    """Compares runs with the present images; each data set is read only once for all runs."""

    def __init__(self) -> None:
        self._looked_at: dict[str, ContrastiveData] = {}

    def check(self, folder: RunFolder, config: dict[str, Any]) -> None:
        """Check that a run was trained on these images, with at most `data.max_broken` broken files.

        If the images are gone, only a warning is printed, because the run need not be trained again.

        Raises:
            OtherImagesError: the images have changed; says how.
            ConfigError: more files were broken than `data.max_broken`.
        """
        if has_fixed_content(config) or not first_of_machine():
            return
        config = here(config, folder)
        lost = [root for root in roots_of(config).values() if not os.path.exists(resolved(root))]
        if lost:
            what = f"{lost[0]} is not there, so {folder.path} can't be compared with it"
            print(f"warning: {what}", file=sys.stderr)
            return
        with explaining_lost_images(folder, config, PUT_BACK):
            data = self._data(config, rules_of(folder))
        if kept(folder) is None:
            _check_numbers(folder, data)
        _check_images(folder, data)
        _check_broken(folder, data, config["data"].get("max_broken") or 0)

    def _data(self, config: dict[str, Any], rules: int) -> ContrastiveData:
        sets = {name: config["data"].get(name) for name in ("train", "val", "bank")}
        key = json.dumps([sets, rules])
        if key not in self._looked_at:
            self._looked_at[key] = assemble_data(config, rules)
        return self._looked_at[key]


def _check_images(folder: RunFolder, data: ContrastiveData) -> None:
    images, met, now = kept(folder), met_in_sets(broken_files(folder)), data.sets.inventories()
    for name, then in ({} if images is None else images.sets).items():
        if name in now and (words := changes(then, now[name], met.get(name, ()))):
            raise OtherImagesError(
                f"data.{name} is not what {folder.path} was trained on: {words}; accepted: {OTHER_RUN}"
            )


def _check_numbers(folder: RunFolder, data: ContrastiveData) -> None:
    """Compare the number of images; for old runs, whose checkpoint stores only this number."""
    if folder.checkpoint.is_file():
        state = Checkpoint(folder.path).content.get("ContrastiveData", {})
        try:
            check_same_images(state.get("images", {}), data.sets.own(), folder.path, OTHER_RUN)
        except ValueError as error:
            raise OtherImagesError(str(error)) from error


def _check_broken(folder: RunFolder, data: ContrastiveData, limit: int) -> None:
    broken = [
        path
        for path in (folder.summary() or {}).get("broken_files") or ()
        if is_still_broken(path, data, broken_files(folder))
    ]
    if len(broken) > limit:
        raise ConfigError(
            f"{folder.path} is finished, with {len(broken)} broken files ({', '.join(broken)}), but "
            f"data.max_broken is {limit}; accepted: {len(broken)} or more, or a new run in another run.root"
        )
