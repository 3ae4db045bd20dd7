from pathlib import Path

import pytest
import torch.distributed as dist

from cl_lightning.callbacks import BrokenFiles
from cl_lightning.data import ContrastiveData, image_folder
from cl_lightning.data.broken_files import BrokenList
from cl_lightning.distributed import rank
from tests import small
from tests.data.photos import write_photos
from tests.processes import run_on

pytestmark = pytest.mark.filterwarnings(r"ignore:.*isinstance\(treespec, LeafSpec\):FutureWarning")
UNREAD = [None] * 4
NAMES = tuple(f"{kind}/{number}.png" for kind in ("a", "b") for number in range(8))


def data(root, *broken, **settings):
    return ContrastiveData(
        image_folder(write_photos(Path(root), *NAMES, broken=broken)), batch_size=8, **settings
    )


def test_the_number_of_broken_files_is_logged_each_epoch(tmp_path):
    trainer = small.trainer(BrokenFiles(), max_epochs=2)
    broken = data(tmp_path, "a/3.png", "b/7.png", max_broken=3)
    with pytest.warns(UserWarning, match="stands in"):
        trainer.fit(small.simclr(), broken)
    assert trainer.callback_metrics["train/broken_files"] == 2
    assert sorted(broken.broken_files) == [str(tmp_path / name) for name in ("a/3.png", "b/7.png")]


def test_a_second_fit_tells_of_each_broken_file_again(tmp_path):
    broken = data(tmp_path, "a/3.png", max_broken=1)
    for _ in range(2):
        with pytest.warns(UserWarning, match="stands in") as told:
            small.trainer(BrokenFiles(), max_epochs=2).fit(small.simclr(), broken)
        assert len([w for w in told if "stands in" in str(w.message)]) == 1
        assert broken.broken_files == [str(tmp_path / "a/3.png")]


def test_a_resumed_fit_counts_the_broken_files_from_its_start(tmp_path):
    names = ("a/3.png", "b/7.png")
    first = data(tmp_path / "photos", names[0], max_broken=2)
    trainer = small.trainer(BrokenFiles())
    with pytest.warns(UserWarning, match="stands in"):
        trainer.fit(small.simclr(), first)
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    again, trainer = (
        data(tmp_path / "photos", *names, max_broken=2),
        small.trainer(BrokenFiles(), max_epochs=2),
    )
    with pytest.warns(UserWarning, match="stands in") as told:
        trainer.fit(small.simclr(), again, ckpt_path=tmp_path / "one.ckpt", weights_only=True)
    assert [str(tmp_path / "photos" / name) for name in names] == again.broken_files
    assert len([w for w in told if "stands in" in str(w.message)]) == 1
    assert trainer.callback_metrics["train/broken_files"] == 2


def test_nothing_is_logged_where_none_is_allowed(tmp_path):
    trainer = small.trainer(BrokenFiles())
    trainer.fit(small.simclr(), data(tmp_path))
    assert "train/broken_files" not in trainer.callback_metrics


class OneOfTwo:
    """What BrokenFiles asks a Trainer, its data and its module for, on two processes that met other files."""

    world_size = 2

    def __init__(self, rank, max_broken):
        self.datamodule, self.sets, self.logged = self, self, {}
        self.broken, self.may_lack_files = BrokenList(max_broken), True
        self.broken.merge([f"met by {rank}", "met by both"])
        self.broken_files = self.broken.paths

    def log(self, name, value, sync_dist):
        self.logged[name] = value


def photos():
    """Data with a place for broken files; nothing of it is read."""
    return ContrastiveData(UNREAD, batch_size=2, max_broken=3)


def saved():
    """What a checkpoint of this process holds within an epoch, before the processes tell each other."""
    own = photos()
    own.train_dataloader()
    own.broken.merge([f"met by {rank()}", "met by both"])
    return own.state_dict()


def restored(state):
    again = photos()
    again.load_state_dict(state)
    return again.broken_files


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


def test_each_process_goes_on_with_the_files_that_it_had_met():
    state, other = run_on(2, saved)
    assert state["broken_by_process"] == [["met by 0", "met by both"], ["met by 1", "met by both"]]
    assert other == state | {"inventories": {}}  # the first process saves
    assert run_on(2, restored, state) == state["broken_by_process"]
    assert restored(state) == ["met by 0", "met by both", "met by 1"]  # another number takes all


def test_the_limit_holds_for_what_several_processes_had_met(tmp_path):
    one = data(tmp_path, max_broken=1)
    one.broken.restore([["a"], ["b"]])
    trainer = small.trainer(BrokenFiles())
    trainer.datamodule = one
    with pytest.raises(ValueError, match=r"2 images cannot be read, and data\.max_broken=1 allows 1: a, b"):
        BrokenFiles().on_train_epoch_end(trainer, small.simclr())
