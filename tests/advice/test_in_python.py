"""A fit that may not go on as it is does so, or a new one starts from its weights, as the message advises."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

from cl_lightning import MoCoV2
from tests.small import data, moco, moco_callbacks, trainer, weights


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a fit with a queue of 40 keys, after one epoch."""
    file = tmp_path_factory.mktemp("fit") / "one.ckpt"
    fitting = queued(40)
    fitting.fit(moco(), data())
    fitting.save_checkpoint(file)
    return file


def queued(length: int, epochs: int = 1) -> Trainer:
    return trainer(*moco_callbacks(length=length), max_epochs=epochs)


def test_a_fit_goes_on_with_the_queue_that_it_began_with(checkpoint: Path) -> None:
    told = r"negative_queue\.length: then 40, now 48; accepted: those that it began with"
    with pytest.raises(ValueError, match=told):
        queued(48, epochs=2).fit(moco(), data(), ckpt_path=checkpoint, weights_only=True)
    going_on = queued(40, epochs=2)
    going_on.fit(moco(), data(), ckpt_path=checkpoint, weights_only=True)
    assert (going_on.current_epoch, going_on.global_step) == (2, 8)


def test_a_new_fit_starts_from_the_weights_with_another_queue(checkpoint: Path) -> None:
    with pytest.raises(ValueError, match=r"new fit without ckpt_path, .*MoCoV2\.load_from_checkpoint\(path"):
        queued(48).fit(moco(), data(), ckpt_path=checkpoint, weights_only=True)
    begun = MoCoV2.load_from_checkpoint(checkpoint)
    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(weight, saved[name]) for name, weight in begun.state_dict().items())
    before = weights(begun)
    new = queued(48)
    new.fit(begun, data())
    assert new.global_step == 4
    assert any(not torch.equal(one, other) for one, other in zip(before, weights(begun), strict=True))
