"""The simulation that LOG.md's table comes from counts what the formulas on paper say."""

import pytest

from tests.benchmarks.bytes_exchanged import DIM, SIZE, moco, simclr

BATCH = 128


@pytest.mark.parametrize("world", [8, 64])
def test_simclr_sends_each_embedding_once_for_the_loss_once_for_the_scores_and_one_number(world: int) -> None:
    rank = simclr(world, BATCH)
    others = (world - 1) * 2 * BATCH // world  # rows that are sent, one's own to each other rank
    assert rank.bytes["embeddings"] == others * DIM * 2  # bfloat16
    assert rank.bytes["embeddings for the scores"] == others * DIM * 2
    assert rank.bytes["log-sum-exps"] == others * 4
    assert set(rank.bytes) == {"embeddings", "embeddings for the scores", "log-sum-exps", "BatchNorm"}
    assert [rank.messages[what] for what in list(rank.bytes) if what != "BatchNorm"] == [1, 1, 1]


@pytest.mark.parametrize("world", [8, 64])
def test_moco_sends_each_image_to_one_rank_and_each_key_once(world: int) -> None:
    rank = moco(world, BATCH)
    assert rank.bytes["images"] == BATCH // world * (world - 1) * 3 * SIZE**2 * 4 // world
    assert rank.bytes["embeddings"] == (world - 1) * BATCH // world * DIM * 2
    assert set(rank.bytes) == {"images", "embeddings", "BatchNorm"}
    assert (rank.messages["images"], rank.messages["embeddings"]) == (1, 1)
