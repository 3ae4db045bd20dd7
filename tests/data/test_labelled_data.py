"""The images of a classifier: those that were chosen, and in order those to predict."""

import numpy as np
import pytest
import torch

from cl_lightning.data import ContrastiveData, TensorImages
from cl_lightning.data.labelled_data import LabelledData
from tests import small


class Arrays(torch.utils.data.Dataset):
    """Images that are read one by one."""

    def __init__(self, part: TensorImages) -> None:
        self.part = part

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.part.images[index].permute(1, 2, 0).numpy(), int(self.part.labels[index])


@pytest.mark.parametrize("in_memory", [True, False])
def test_an_epoch_has_the_chosen_images_and_their_labels(in_memory: bool) -> None:
    data = small.data(images=20, batch_size=4)
    train = data.train if in_memory else Arrays(data.train)
    chosen = np.array([1, 3, 5, 7, 11, 13])
    labelled = LabelledData(ContrastiveData(train, data.val, batch_size=4), chosen, 3, seed=0)
    batches = list(labelled.train_dataloader())
    assert [len(batch.index) for batch in batches] == [3, 3]
    for batch in batches:
        rows = chosen[batch.index.numpy()]
        assert torch.equal(batch.images, data.train.images[rows])
        assert torch.equal(batch.labels, data.train.labels[rows])
    assert sorted(i for batch in batches for i in batch.index.tolist()) == list(range(6))


def test_all_images_are_not_copied() -> None:
    data = small.data()
    assert LabelledData(data, None, 8, seed=0).train is data.train


def test_the_images_to_predict_come_once_and_in_order() -> None:
    data = small.data(batch_size=10)
    loader = LabelledData(data, np.array([0, 1]), 2, seed=0).predict_dataloader()
    assert torch.equal(torch.cat([batch.images for batch in loader]), data.val.images)
