"""A run that goes on with other versions than it began with says so."""

from pathlib import Path

import pytest
import torch

from cl_lightning import SimCLR, load_backbone
from cl_lightning.callbacks import KNNMonitor
from cl_lightning.methods.versions import changes, versions
from tests import small


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A checkpoint of the first epoch, from another torch."""
    trainer = small.trainer()
    trainer.fit(small.simclr(), small.data())
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["cl_lightning"]["versions"] == versions()
    content["cl_lightning"]["versions"]["torch"] = "2.9.0"
    torch.save(content, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def test_a_resumed_fit_warns_of_the_versions_that_changed(older: Path) -> None:
    words = rf"^torch 2\.9\.0 then, {torch.__version__} now: a resumed run may differ from an uninterrupted"
    trainer = small.trainer(max_epochs=2)
    with pytest.warns(UserWarning, match=words.replace("+", r"\+")):
        trainer.fit(small.simclr(), small.data(), ckpt_path=older, weights_only=True)
    assert trainer.global_step == 8


def test_what_only_reads_the_weights_does_not_warn(older: Path) -> None:
    load_backbone(older)
    SimCLR.load_from_checkpoint(older)
    trainer = small.trainer(KNNMonitor(k=5), limit_val_batches=1.0)
    trainer.validate(small.simclr(), small.data(), ckpt_path=older, weights_only=True)


def test_a_checkpoint_that_tells_no_versions_goes_on_silently(older: Path) -> None:
    content = torch.load(older, weights_only=True)
    del content["cl_lightning"]["versions"]
    torch.save(content, older)
    small.trainer(max_epochs=2).fit(small.simclr(), small.data(), ckpt_path=older, weights_only=True)


def test_only_what_differs_is_named() -> None:
    now = versions()
    assert {"cl_lightning", "lightning", "torch", "torchvision", "torchmetrics"} == set(now)
    assert changes(now) == changes({}) == ""
    told = changes(now | {"lightning": "2.6.0", "torchvision": "0.25.0", "another": "1"})
    assert told == (
        f"lightning 2.6.0 then, {now['lightning']} now; torchvision 0.25.0 then, {now['torchvision']} now"
    )
