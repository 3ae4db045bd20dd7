"""A checkpoint with its own query and key encoder, and folders of photos."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning.checkpoints import DESCRIPTION
from cl_lightning.embedding import chunks, neighbours
from cl_lightning.methods import described
from tests import small
from tests.composed_once import composed_once
from tests.data.photos import write_photos

NAMES = [f"{split}/{kind}/{n}.png" for split in ("train", "val") for kind in "ab" for n in range(1, 5)]


def saved(path: Path, seed: int = 0) -> Path:
    """A checkpoint of MoCo v2 as after a fit, with statistics of its own; its key encoder is another one."""
    states = []
    for number in (2 * seed, 2 * seed + 1):
        method = small.moco()
        torch.manual_seed(number)
        with torch.no_grad():
            for tensor in method.encoder.parameters():
                tensor.normal_(std=0.5)
            for tensor in method.encoder.buffers():
                if tensor.is_floating_point():
                    tensor.uniform_(0.1, 1)
        states.append(copy.deepcopy(method.encoder.state_dict()))
    method.encoder.load_state_dict(states[0])
    content = {
        "state_dict": method.state_dict(),
        "callbacks": {"MomentumEncoder": {"encoder": states[1]}},
        "epoch": 7,
        DESCRIPTION: described.saved(method),
    }
    torch.save(content, path)
    return path


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("run") / "last.ckpt")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 photos: two classes in each of two splits."""
    return write_photos(tmp_path_factory.mktemp("photos"), *NAMES)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MOST_ROWS", 5)
    monkeypatch.setattr(neighbours, "SHOWN", 4)
    monkeypatch.setattr(neighbours, "DPI", 20)


@pytest.fixture(autouse=True, scope="session")
def _composed_once() -> Any:
    with composed_once():
        yield
