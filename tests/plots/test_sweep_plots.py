"""Pictures of many runs: what is drawn, read back from the figures."""

import math

import numpy as np
import pytest

from cl_lightning.plots import plot_heat_map, plot_parallel, plot_setting, plot_sweep_curves
from cl_lightning.plots.scale import Scale


def curves(*values: float) -> dict[int, float]:
    return dict(enumerate(values, start=1))


def drawn(axes) -> list[tuple[list[float], list[float]]]:
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()]


def words(legend) -> list[str]:
    return [text.get_text() for text in legend.get_texts()]


def test_seeds_are_thin_and_their_mean_goes_as_far_as_all_of_them() -> None:
    rows = [[curves(1.0, 3.0, 5.0), curves(3.0, 5.0)], [curves(7.0)], [{}]]
    picture = plot_sweep_curves({"loss": rows}, "lr", ["0.1", "0.2", "$3"], [0.5, 0.4, math.nan], "knn_top1")
    (axes,) = picture.axes
    assert ([1, 2], [2.0, 4.0]) in drawn(axes)
    assert ([1, 2, 3], [1.0, 3.0, 5.0]) in drawn(axes)
    mean, seed = (next(x for x in axes.get_lines() if list(x.get_ydata()) == y) for y in ([2, 4], [3, 5]))
    assert mean.get_color() == seed.get_color()
    assert mean.get_linewidth() > 2 * seed.get_linewidth()
    assert len({line.get_color() for line in axes.get_lines()}) == 3
    (legend,) = picture.legends
    assert (words(legend), legend.get_title().get_text()) == (["0.1", "0.2", r"\$3"], "lr")


def test_many_rows_are_coloured_by_what_they_reached() -> None:
    values = [0.1 * n for n in range(20)] + [math.nan]
    rows = [[curves(value, value)] for value in range(21)]
    picture = plot_sweep_curves({"loss": rows, "knn_top1": rows}, "lr", [""] * 21, values, "kNN")
    assert picture.legends == []
    loss, knn, bar = picture.axes
    assert bar.get_ylabel() == "kNN"
    assert (loss.get_title(), knn.get_title()) == ("loss (nats)", "kNN accuracy")
    colours = {line.get_ydata()[0]: line.get_color() for line in loss.get_lines()}
    brightness = [sum(colours[n][:3]) for n in range(20)]
    assert brightness[0] < brightness[10] < brightness[19]
    assert colours[20] == "lightgray"
    picture.canvas.draw()


def test_a_heat_map_has_each_number_in_the_cell_of_its_values() -> None:
    lr, widths = [1.0, 0.1, 10.0, 0.1], ["[8]", "[8]", "[16]", "[16]"]
    picture = plot_heat_map(
        ("lr", lr), ("widths", widths), [1.0, 2.0, 3.0, math.nan], ["a", "b", "c", "d"], "kNN"
    )
    axes = picture.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.1", "1", "10"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["[8]", "[16]"]
    cells = np.ma.filled(axes.images[0].get_array(), math.nan)
    np.testing.assert_array_equal(cells, [[2.0, 1.0, math.nan], [math.nan, math.nan, 3.0]])
    assert {text.get_text(): text.get_position() for text in axes.texts} == {
        "a": (1, 0),
        "b": (0, 0),
        "c": (2, 1),
    }
    picture.canvas.draw()


@pytest.mark.parametrize("low_is_better", [True, False])
def test_parallel_lines_go_through_the_places_of_their_values(low_is_better: bool) -> None:
    settings = {"lr": [0.01, 0.1, 1.0, 0.5], "name": ["b", "a", "b", "c"]}
    picture = plot_parallel(settings, [3.0, 1.0, 2.0, math.nan], "loss", low_is_better=low_is_better)
    axes = picture.axes[0]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
    heights = [[float(np.interp(place, *line.get_data())) for place in (0, 1, 2)] for line in lines]
    expected = {3.0: [0.0, 1.0, 1.0], 1.0: [0.5, 0.0, 0.0], 2.0: [1.0, 1.0, 0.5]}
    order = [3.0, 2.0, 1.0] if low_is_better else [1.0, 2.0, 3.0]  # the best on top
    np.testing.assert_allclose(heights, [expected[value] for value in order], atol=1e-9)
    assert [line.get_linewidth() for line in lines] == [1.4, 1.4, 3.0]
    assert {"lr (log)", "name", "loss"} < {text.get_text() for text in axes.texts}
    picture.canvas.draw()


def test_one_setting_is_drawn_with_mean_and_standard_deviation() -> None:
    picture = plot_setting("lr", [0.1, 10.0, 1.0], [[1.0, 2.0, 6.0], [4.0], [math.nan]], "kNN")
    axes = picture.axes[0]
    means = next(line for line in axes.get_lines() if line.get_marker() == "D")
    assert (list(means.get_xdata()), list(means.get_ydata())) == ([0.0, 1.0], [3.0, 4.0])
    (bar,) = [bar for bars in axes.containers for bar in bars[2]]
    low, high = bar.get_segments()[0][:, 1]
    spread = np.std([1.0, 2.0, 6.0], ddof=1)
    assert (low, high) == pytest.approx((3 - spread, 3 + spread))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.1", "1", "10"]
    assert axes.get_xlabel() == "lr (log)"


def test_a_scale_is_logarithmic_where_numbers_span_a_decade() -> None:
    log = Scale([1e-4, 1e-2, 1e-3])
    assert (log.is_log, log.place(1e-3)) == (True, pytest.approx(0.5))
    linear = Scale([2, 4, 8])
    assert (linear.is_log, linear.place(4)) == (False, pytest.approx(1 / 3))
    assert not Scale([0, 1000]).is_log
    assert not Scale([True, 10]).is_numeric
    assert Scale(["resnet101", "resnet18", 5, 7.0]).distinct == [5, 7.0, "resnet18", "resnet101"]
    assert Scale([3, 3]).place(3) == 0.5


def test_many_numbers_have_round_ticks() -> None:
    random = np.random.default_rng(0)
    for values in (10 ** random.uniform(-4, 0, 30), random.uniform(-3, 8, 30)):
        ticks = Scale(values.tolist()).ticks()
        assert 3 <= len(ticks) <= 14
        assert all(0 <= place <= 1 for place, _ in ticks)
        assert all(len(text.replace("−", "-")) <= 6 for _, text in ticks)
