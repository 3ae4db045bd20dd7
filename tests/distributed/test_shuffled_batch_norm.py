"""Shuffled BatchNorm hides from a query which images share its key's group."""

import pytest
import torch

from tests.distributed.influence import BATCHES
from tests.distributed.world import TIMEOUT, Found, World

pytestmark = pytest.mark.timeout(TIMEOUT + 100)


def everyone(world: World) -> list[Found]:
    return [world.one, *world.ranks]


def test_another_image_changes_a_key_only_where_the_permutation_puts_both_in_one_group(world: World) -> None:
    for found in everyone(world):
        shuffled = found.influence["shuffle"]
        assert shuffled.changed == shuffled.together
        assert 0 < sum(shuffled.changed) < BATCHES


def test_without_a_permutation_it_always_does(world: World) -> None:
    for found in everyone(world):
        assert all(found.influence["split"].changed)


def test_keys_of_all_processes_stand_in_the_order_of_their_images(world: World) -> None:
    for policy in ("split", "shuffle"):
        expected = torch.stack(world.one.influence[policy].keys)
        for rank in world.ranks:
            keys = torch.stack(rank.influence[policy].keys)
            torch.testing.assert_close(keys, expected, rtol=0, atol=1e-10)
