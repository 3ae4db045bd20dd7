"""last.ckpt is the end of training, whatever is evaluated."""

import pytest
import torch

from cl_lightning.runs import RunFolder
from cl_lightning.train import train
from tests.small import SMALL, config

ENDS = {
    "last epoch not evaluated": ("trainer.max_epochs=3", "trainer.check_val_every_n_epoch=2"),
    "nothing to evaluate": ("trainer.max_epochs=2", "trainer.check_val_every_n_epoch=5", "data.val=null"),
    "ended inside an epoch": (
        "trainer.max_epochs=5",
        "trainer.max_steps=3",
        "trainer.check_val_every_n_epoch=5",
    ),
    "no evaluation wanted": ("trainer.max_epochs=2", "trainer.limit_val_batches=0"),
}


@pytest.mark.filterwarnings("ignore:trainer.check_val_every_n_epoch is", "ignore:kNN accuracy is left out")
@pytest.mark.parametrize("overrides", ENDS.values(), ids=ENDS.keys())
def test_the_checkpoint_is_that_of_the_last_step(overrides: tuple[str, ...]) -> None:
    settings = config(*SMALL, *overrides)
    summary = train(settings)
    checkpoint = torch.load(RunFolder.of(settings).checkpoint, weights_only=True)
    assert checkpoint["global_step"] == summary["steps"] > 0
