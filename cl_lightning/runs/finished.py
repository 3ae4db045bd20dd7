"""Whether a finished run is what its command asks for."""

import os
import sys
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.assemble import assemble_data
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.images import OTHER_RUN, first_of_machine, go_on, here, rules_of
from cl_lightning.runs.roots import resolved, roots_of


def check_finished(folder: RunFolder, config: dict[str, Any], summary: dict[str, Any]) -> None:
    """That a run was trained on the images that are there now, and with no more broken ones than allowed.

    Images that are not there any more are told, and no reason to train again.

    Raises:
        ConfigError: the images are others, and how; files were broken beyond `data.max_broken`.
    """
    if not first_of_machine():
        return
    config = here(config, folder)
    lost = [root for root in roots_of(config).values() if not os.path.exists(resolved(root))]
    if lost:
        print(f"warning: {lost[0]} is not there, so {folder.path} can't be compared with it", file=sys.stderr)
        return
    data = assemble_data(config, rules_of(folder))
    go_on(folder, data, OTHER_RUN, compare=True)
    named = data.sets.below_their_folder
    gone = set(map(named, data.broken.removed))
    broken = [path for path in summary.get("broken_files") or () if named(path) not in gone]
    if len(broken) > data.max_broken:
        raise ConfigError(
            f"{folder.path} is finished, with {len(broken)} broken files ({', '.join(broken)}), but "
            f"data.max_broken is {data.max_broken}; accepted: {len(broken)} or more, or a run of its own in "
            "another run.root"
        )
