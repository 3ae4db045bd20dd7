"""Random numbers: the published generator, and one stream for each operation."""

import pytest
import torch
from scipy import stats

from cl_lightning.pairs.random import philox, uniforms

ONES = 0xFFFFFFFF
PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (PI, (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, expected):
    numbers = philox(tuple(torch.tensor(word) for word in counter), key)
    assert tuple(numbers.tolist()) == expected


def test_a_stream_does_not_depend_on_the_streams_beside_it():
    index = torch.arange(5)
    alone = uniforms(3, 2, index, {7: 6})[7]
    beside = uniforms(3, 2, index, {1: 22, 7: 6, 9: 1})
    assert torch.equal(alone, beside[7])
    assert [tuple(part.shape) for part in beside.values()] == [(2, 5, 22), (2, 5, 6), (2, 5, 1)]


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 - 1])
def test_every_part_of_the_counter_and_both_halves_of_the_seed_change_the_numbers(seed):
    def numbers(seed, epoch, index):
        return uniforms(seed, epoch, torch.tensor([index]), {1: 4})[1]

    here = numbers(seed, 5, 9)
    others = [
        numbers(seed ^ 1, 5, 9),
        numbers(seed ^ 2**32, 5, 9),
        numbers(seed, 6, 9),
        numbers(seed, 5, 10),
        numbers(seed, 5, 9 + 2**31),
        here.flip(0),
    ]
    assert all(not torch.isclose(here, other).any() for other in others)


def test_indices_up_to_2_to_the_32_give_numbers_of_their_own():
    index = torch.tensor([0, 1, 2**31, 2**32 - 1])
    rows = uniforms(0, 0, index, {1: 4})[1].permute(1, 0, 2).flatten(1)
    assert len({tuple(row) for row in rows.tolist()}) == 4


def test_numbers_are_uniform_and_neighbouring_images_views_and_epochs_are_independent():
    index = torch.arange(20_000)
    now, later = (uniforms(0, epoch, index, {1: 4})[1] for epoch in (0, 1))
    assert now.min() >= 0
    assert now.max() < 1
    assert stats.kstest(now.flatten().numpy(), "uniform").pvalue > 1e-3
    pairs = [(now[0], now[1]), (now, later), (now[:, 1:], now[:, :-1]), (now[..., 1:], now[..., :-1])]
    for a, b in pairs:
        correlation = stats.pearsonr(a.flatten().numpy(), b.flatten().numpy())
        assert correlation.pvalue > 1e-3
