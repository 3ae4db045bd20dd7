import pickle

import pytest
import torch
from lightning.pytorch import Callback

from cl_lightning.data import ContrastiveData, image_folder, synthetic
from tests import small
from tests.data.photos import write_photos


def test_a_data_module_that_has_loaded_can_be_pickled(tmp_path):
    names = [f"{split}/{kind}/{n}.png" for split in ("train", "val") for kind in "ab" for n in range(4)]
    photos, val = (image_folder(write_photos(tmp_path, *names), split) for split in ("train", "val"))
    data = ContrastiveData(photos, val, batch_size=4, num_workers=1, seed=3, max_broken=1)
    loader = data.train_dataloader()
    batches = list(loader)
    data.teardown("fit")
    copy = pickle.loads(pickle.dumps(data))
    assert repr(copy) == repr(data)
    for batch, other in zip(batches, copy.train_dataloader(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(batch, other, strict=True))
    copy.teardown("fit")


class Seen(Callback):
    """Writes down which images each process trained on."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        torch.save(batch.index, self.folder / f"{trainer.global_rank}-{batch_idx}.pt")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Lightning's of spawned processes
def test_training_on_spawned_processes_sees_what_one_process_sees(tmp_path):
    data = ContrastiveData(synthetic(images=16, size=small.SIZE), batch_size=8)
    trainer = small.trainer(Seen(tmp_path), devices=2, strategy="ddp_spawn")
    trainer.fit(small.simclr(), data)
    for number, batch in enumerate(ContrastiveData(data.train, batch_size=8).train_dataloader()):
        parts = [torch.load(tmp_path / f"{rank}-{number}.pt") for rank in range(2)]
        assert torch.equal(torch.cat(parts), batch.index)
