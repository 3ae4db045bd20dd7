import math

import pytest
import torch
from sklearn.datasets import load_digits

from cl_lightning.data import digits, scattered_digits
from cl_lightning.data.sets.digits import all_digits
from cl_lightning.data.sets.scattered_digits import draw, linear_maps


@pytest.mark.parametrize("make", [digits, scattered_digits])
def test_splits_have_1437_and_360_digits_and_share_none(make):
    train, val = make("train"), make("val")
    assert (len(train), len(val)) == (1437, 360)
    both = torch.cat([train.images, val.images]).flatten(1)
    # scattered copies differ, centred ones do as well: no two writers' digits are the same
    assert len(both.unique(dim=0)) == 1797
    counts = torch.bincount(torch.cat([train.labels, val.labels]))
    assert counts.tolist() == torch.bincount(torch.from_numpy(load_digits().target)).tolist()


@pytest.mark.parametrize("make", [digits, scattered_digits])
def test_images_do_not_depend_on_the_global_generator(make):
    torch.manual_seed(1)
    first = make("val")
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = make("val")
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.labels, second.labels)
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(make("val", seed=1).images, first.images)


def test_sixteen_grey_levels_become_0_to_255():
    images = digits("train").images
    assert images.shape == (1437, 1, 8, 8)
    assert set(images.unique().tolist()) == {round(level * 255 / 16) for level in range(17)}


def test_both_sets_have_the_same_split():
    for split in ("train", "val"):
        assert torch.equal(digits(split, seed=3).labels, scattered_digits(split, seed=3).labels)


def test_another_split_is_refused():
    with pytest.raises(ValueError, match="split='test'; accepted: 'train' or 'val'"):
        digits("test")


def test_a_canvas_without_room_is_refused():
    with pytest.raises(ValueError, match="size=8; accepted: 16"):
        scattered_digits(size=8)


@pytest.mark.parametrize("size", [16, 24, 33])
def test_scattered_digits_fill_the_canvas_in_shape_and_range(size):
    images = scattered_digits("val", size=size).images
    assert images.shape == (360, 1, size, size)
    assert images.dtype == torch.uint8
    assert images.max() > 200
    assert (images == 0).float().mean() > 0.5


def test_no_ink_is_cut_off_at_the_edges():
    # The same digits on a canvas with a margin: nothing but zeros lies in the margin.
    images, _ = all_digits()
    draws = torch.rand(len(images), 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    maps = linear_maps(draws[:, :3], 24)
    canvas = draw(images, maps, draws[:, 3:], 24)
    for i in range(0, len(images), 60):
        wide = reference(images[i, 0], maps[i], canvas_place(images[i, 0], maps[i], draws[i, 3:]), margin=6)
        inside = wide[6:-6, 6:-6]
        assert (inside - canvas[i, 0]).abs().max() <= 0.5 + 1e-6  # rounding only
        assert wide.sum() - inside.sum() < 1e-6
    assert canvas[:, 0, 0].any()  # and digits do reach all four edges
    assert canvas[:, 0, -1].any()
    assert canvas[..., 0].any()
    assert canvas[..., -1].any()


def canvas_place(digit, matrix, place):
    """Where the middle of the digit goes: `place` of the room that its ink leaves on 24 x 24, in loops."""
    xs, ys = [], []
    for row in range(8):
        for column in range(8):
            if digit[row, column]:
                for dy in (-1, 1):
                    for dx in (-1, 1):
                        point = matrix @ torch.tensor(
                            [column - 3.5 + dx, row - 3.5 + dy], dtype=torch.float64
                        )
                        xs.append(float(point[0]))
                        ys.append(float(point[1]))
    middle = []
    for values, share in ((xs, place[0]), (ys, place[1])):
        low, high = min(values) + 0.5, max(values) - 0.5
        assert high - low <= 24
        middle.append(float(share) * (24 - (high - low)) - low)
    return torch.tensor(middle, dtype=torch.float64)


def reference(digit, matrix, middle, margin):
    """Bilinear values at the middles of canvas pixels, one by one, with `margin` more pixels on each side."""
    side = 24 + 2 * margin
    canvas = torch.zeros(side, side, dtype=torch.float64)
    inverse = torch.linalg.inv(matrix)
    for row in range(side):
        for column in range(side):
            point = torch.tensor([column + 0.5 - margin, row + 0.5 - margin], dtype=torch.float64)
            x, y = (inverse @ (point - middle) + 3.5).tolist()
            for r in (math.floor(y), math.floor(y) + 1):
                for c in (math.floor(x), math.floor(x) + 1):
                    if 0 <= r < 8 and 0 <= c < 8:
                        weight = (1 - abs(y - r)) * (1 - abs(x - c))
                        canvas[row, column] += weight * float(digit[r, c])
    return canvas


def test_sizes_rotations_and_shears_stay_in_their_ranges():
    draws = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    maps = linear_maps(draws, 24)
    scale = maps[:, :, 0].norm(dim=1) * 8 / 24  # the first column is scale times rotation
    angle = torch.atan2(maps[:, 1, 0], maps[:, 0, 0]) * 180 / math.pi
    upright = torch.stack([-maps[:, 1, 0], maps[:, 0, 0]], 1)
    shear = (
        torch.atan2((maps[:, :, 0] * maps[:, :, 1]).sum(1), (upright * maps[:, :, 1]).sum(1)) * 180 / math.pi
    )
    for values, low, high in ((scale, 0.45, 0.75), (angle, -15, 15), (shear, -10, 10)):
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 0.02 * (high - low)


def test_raw_pixels_tell_little_about_a_scattered_digit():
    def nearest_neighbour(make):
        train, val = make("train"), make("val")
        bank, query = (torch.nn.functional.normalize(part.images.flatten(1).float()) for part in (train, val))
        return (train.labels[(query @ bank.T).argmax(1)] == val.labels).float().mean()

    assert nearest_neighbour(digits) > 0.95
    assert nearest_neighbour(scattered_digits) < 0.70
