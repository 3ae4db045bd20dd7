"""Grey and colour images in one set."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from cl_lightning.callbacks import KNNMonitor
from cl_lightning.data import ContrastiveData, to_uint8
from cl_lightning.data.channels import in_channels
from cl_lightning.encoders import Encoder, SmallConvNet
from cl_lightning.methods import SimCLR
from cl_lightning.pairs import simclr_views
from cl_lightning.runs.checking.rehearsal import rehearse
from cl_lightning.runs.checking.sizes import steps
from cl_lightning.runs.pictures import pairs
from tests import small

RGB = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)


def test_colour_becomes_grey_as_in_pil_and_grey_keeps_its_values() -> None:
    grey = to_uint8(Image.fromarray(RGB).convert("L"))
    assert torch.equal(in_channels(to_uint8(RGB), 1), grey)
    assert torch.equal(in_channels(grey, 3), grey.expand(3, -1, -1))
    assert torch.equal(in_channels(in_channels(grey, 3), 1), grey)
    assert torch.equal(in_channels(to_uint8(RGB), 3), to_uint8(RGB))


class Mixed(Dataset[Any]):
    """Grey and colour by turns, the first one grey; PIL images and tensors."""

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> Any:
        pixels = np.random.default_rng(index).integers(0, 256, (9, 11, 3), dtype=np.uint8)
        image = Image.fromarray(pixels if index % 2 else pixels[..., 0])
        return (image if index % 3 else to_uint8(image)), index % 2


@pytest.mark.parametrize("channels", [1, 3])
def test_they_follow_the_views_from_the_rehearsal_to_the_pictures(channels: int) -> None:
    mean = [0.5] * channels
    encoder = Encoder(SmallConvNet(widths=(8, 16), strides=(2, 2), channels=channels), 16, 8)
    method = SimCLR(
        views=simclr_views(small.SIZE, mean=mean, std=mean),
        encoder=encoder,
        optimizer=partial(torch.optim.SGD, lr=0.1),
    )
    data = ContrastiveData(Mixed(), Mixed(), batch_size=8)
    trainer = small.trainer(KNNMonitor(k=3), limit_val_batches=1.0)
    rehearse(method, data, *steps(data, trainer))
    trainer.fit(method, datamodule=data)
    shapes = {tuple(batch.images.shape) for batch in data.train_dataloader()}
    assert shapes == {(8, 2, channels, small.SIZE, small.SIZE)}
    loaders: Any = data.val_dataloader()
    assert {batch.images.shape[1] for loader in loaders for batch in loader} == {channels}
    pairs(data.train, method.views)
