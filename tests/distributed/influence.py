"""Whose image changes whose key?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cl_lightning.distributed import own_share, permutation, world_size
from tests import small
from tests.distributed.runs import ACCELERATORS, BATCH, data

BATCHES = 12


@dataclass
class Influence:
    """Of several batches: the keys, whether image 1 changes the key of image 0, whether both share a group.

    They are neighbours in the batch, so that their queries always do.
    """

    keys: list[Tensor]
    changed: list[bool]
    together: list[bool]


def influence(policy: str, groups: int, device: str) -> Influence:
    """Of a MoCo that was trained for two steps, on all processes of this group."""
    method = small.moco(policy, groups)
    trainer = small.trainer(
        *small.moco_callbacks(),
        limit_train_batches=2,  # as many keys as the queue holds
        precision="64-true",
        accelerator=ACCELERATORS[device],
        devices=world_size(),
        strategy="ddp" if world_size() > 1 else "auto",
    )
    trainer.fit(method, datamodule=data())
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(BATCH, 3, small.SIZE, small.SIZE, generator=generator, dtype=torch.float64)
    others = images.clone()
    others[1] += 1
    found = Influence([], [], [])
    for number in range(BATCHES):
        keys, changed = (
            method.encode_keys(own_share(x).to(method.device), number).cpu() for x in (images, others)
        )
        place = permutation(BATCH, method.seed, method.current_epoch, number).argsort()
        found.keys.append(keys)
        found.changed.append(bool((keys[0] - changed[0]).abs().max() > 1e-8))
        found.together.append(bool(place[0] * groups // BATCH == place[1] * groups // BATCH))
    return found
