from pathlib import Path

import pytest
import torch.distributed as dist

from cl_lightning.callbacks import BrokenFiles
from cl_lightning.data import ContrastiveData, image_folder
from cl_lightning.data.broken_files import BrokenList
from tests import tiny
from tests.data.photos import write_photos
from tests.processes import run_on

pytestmark = pytest.mark.filterwarnings(r"ignore:.*isinstance\(treespec, LeafSpec\):FutureWarning")
NAMES = tuple(f"{kind}/{number}.png" for kind in ("a", "b") for number in range(8))


def data(root, *broken, **settings):
    return ContrastiveData(
        image_folder(write_photos(Path(root), *NAMES, broken=broken)), batch_size=8, **settings
    )


def test_the_number_of_broken_files_is_logged_each_epoch(tmp_path):
    trainer = tiny.trainer(BrokenFiles(), max_epochs=2)
    broken = data(tmp_path, "a/3.png", "b/7.png", max_broken=3)
    with pytest.warns(UserWarning, match="stands in"):
        trainer.fit(tiny.simclr(), broken)
    assert trainer.callback_metrics["train/broken_files"] == 2
    assert sorted(broken.broken_files) == [str(tmp_path / name) for name in ("a/3.png", "b/7.png")]


def test_nothing_is_logged_where_none_is_allowed(tmp_path):
    trainer = tiny.trainer(BrokenFiles())
    trainer.fit(tiny.simclr(), data(tmp_path))
    assert "train/broken_files" not in trainer.callback_metrics


class OneOfTwo:
    """What BrokenFiles asks a Trainer, its data and its module for, on two processes that met other files."""

    world_size = 2

    def __init__(self, rank, max_broken):
        self.datamodule, self.max_broken, self.logged = self, max_broken, {}
        self.broken = BrokenList(max_broken)
        self.broken.merge([f"met by {rank}", "met by both"])
        self.broken_files = self.broken.paths

    def log(self, name, value, sync_dist):
        self.logged[name] = value


def meet(*limits):
    """Files that this process knows of, what it logged, and its error, for each limit."""
    outcomes = []
    for limit in limits:
        trainer, error = OneOfTwo(dist.get_rank(), limit), ""
        try:
            BrokenFiles().on_train_epoch_end(trainer, trainer)
        except ValueError as refused:
            error = str(refused)
        outcomes.append((sorted(trainer.broken.paths), trainer.logged, error.split(":")[0]))
    return outcomes


def test_all_processes_learn_of_all_files_and_the_limit_holds_for_the_run():
    everything = ["met by 0", "met by 1", "met by both"]
    refused = "3 images cannot be read, and data.max_broken=2 allows 2"
    expected = [(everything, {"train/broken_files": 3.0}, ""), (everything, {}, refused)]
    assert run_on(2, meet, 3, 2) == [expected] * 2
