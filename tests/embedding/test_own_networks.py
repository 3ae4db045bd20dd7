"""Networks of the user's own: embedded where they are allowed, refused with what would allow them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import DESCRIPTION
from cl_lightning.encoders import Encoder
from cl_lightning.methods import SimCLR, described
from cl_lightning.pairs import simclr_views
from tests.embedding.asked import embedded


class Mean(nn.Module):
    """A network without a map."""

    features = 3

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


def test_an_own_network_that_nothing_allows_is_refused_with_what_would(photos: Path, tmp_path: Path) -> None:
    method = SimCLR(views=simclr_views(8), encoder=Encoder(Mean()))
    file = tmp_path / "last.ckpt"
    torch.save({"state_dict": method.state_dict(), DESCRIPTION: described.saved(method)}, file)
    for layer in ("backbone", "projector", "map"):
        with pytest.raises(ConfigError, match=r"Mean.*accepted: "):
            embedded(file, [photos], tmp_path / "rows.npz", layer=layer)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt"]
