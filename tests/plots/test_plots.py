"""Pictures: what is drawn, read back from the figures."""

from pathlib import Path

import pytest
import torch

from cl_lightning.plots import plot_curves, plot_neighbours, plot_pairs, plot_spectrum

RED, GREEN = (0.839, 0.153, 0.157), (0.173, 0.627, 0.173)


def metrics(folder: Path, *rows: str) -> Path:
    file = folder / "metrics.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def photos(*sizes: tuple[int, int]) -> list[torch.Tensor]:
    return [torch.full((3, *size), 40 * i, dtype=torch.uint8) for i, size in enumerate(sizes)]


def shown(picture) -> dict[str, list]:
    return {axes.get_title(): axes.get_lines() for axes in picture.axes if axes.axison}


def test_curves_share_a_plot_by_quantity_and_keep_the_order_of_their_meaning(tmp_path: Path) -> None:
    file = metrics(
        tmp_path,
        "epoch,step,mine,step/loss,train/images_per_second,train/loss,train/lr,val/knn_top1,val/uniformity",
        ",1,,5.5,,,,,",
        "0,3,7.0,,100,5.0,0.1,,",
        "0,3,,,,,,0.25,-2.0",
        "1,7,8.0,,200,4.0,0.05,,",
        "1,7,,,,,,0.5,nan",
    )
    picture = plot_curves(file)
    plots = shown(picture)
    assert list(plots) == ["loss (nats)", "kNN accuracy", "uniformity (log)", "learning rate", "mine"]
    step, train = plots["loss (nats)"]
    assert (list(step.get_xdata()), list(step.get_ydata())) == ([1], [5.5])
    assert (list(train.get_xdata()), list(train.get_ydata())) == ([3, 7], [5.0, 4.0])
    assert (step.get_label(), train.get_label()) == ("one step", "training")
    assert list(plots["mine"][0].get_ydata()) == [7.0, 8.0]
    picture.savefig(tmp_path / "curves.png")


def test_new_curves_have_their_place_and_the_machines_are_left_out(tmp_path: Path) -> None:
    names = ["data_wait", "queue_staleness", "queue_age", "directions_90", "embedding_std", "queue_fill"]
    file = metrics(
        tmp_path, ",".join(["epoch", "step", *(f"train/{name}" for name in names)]), "0,3,1,1,1,1,1,1"
    )
    assert list(shown(plot_curves(file))) == [
        "standard deviation (a coordinate)",
        "directions that hold 90 %",
        "queue fill (share)",
        "age of a key, mean (steps)",
        "staleness of the queue (1: none)",
    ]


def test_a_run_without_numbers_has_an_empty_picture(tmp_path: Path) -> None:
    assert shown(plot_curves(metrics(tmp_path, "epoch,step"))) == {}


def test_pairs_show_images_of_different_sizes_above_their_views(tmp_path: Path) -> None:
    images = photos((30, 20), (8, 8), (10, 40))
    view_a, view_b = torch.rand(2, 3, 3, 8, 8)
    picture = plot_pairs(images, list(view_a), list(view_b))
    (axes,) = picture.axes
    drawn = [image.get_array() for image in axes.images]
    assert [array.shape[:2] for array in drawn[:3]] == [(30, 20), (8, 8), (10, 40)]
    torch.testing.assert_close(torch.as_tensor(drawn[4]), view_a[1].movedim(0, -1))
    torch.testing.assert_close(torch.as_tensor(drawn[8]), view_b[2].movedim(0, -1))
    assert [text.get_text() for text in axes.texts] == ["image", "view a", "view b"]
    for place, image in enumerate(axes.images):  # a cell of its own for each, its sides in proportion
        left, right, bottom, top = image.get_extent()
        assert int(left) == int(right) == place % 3
        height, width = image.get_array().shape[:2]
        assert (bottom - top) / (right - left) == pytest.approx(height / width)
    picture.savefig(tmp_path / "pairs.png")


@pytest.mark.parametrize("channels", [1, 3])
def test_values_outside_the_range_are_clipped_and_grey_stays_grey(channels: int) -> None:
    view = torch.full((channels, 8, 8), 1.5)
    picture = plot_pairs([torch.zeros(channels, 8, 8, dtype=torch.uint8)], [view], [-view])
    _, white, black = picture.axes[0].images
    assert white.get_array().max() == 1
    assert black.get_array().min() == 0
    assert white.get_array().ndim == (2 if channels == 1 else 3)
    assert black.get_clim() == (0, 1)


def test_frames_of_neighbours_tell_whether_the_class_is_the_same(tmp_path: Path) -> None:
    same = torch.tensor([[True, False], [False, True]])
    queries = photos((8, 8), (9, 12))
    found = [photos((20, 10), (8, 8)), photos((5, 5), (10, 30))]
    picture = plot_neighbours(queries, found, same)
    (axes,) = picture.axes
    framed = {}
    for image in axes.images:
        left, right, bottom, top = image.get_extent()
        around = [p for p in axes.patches if p.get_x() < left < right < p.get_x() + p.get_width()]
        around = [p for p in around if p.get_y() < top < bottom < p.get_y() + p.get_height()]
        framed[int(top), int(left)] = [frame.get_edgecolor()[:3] for frame in around]
    for row in range(2):
        assert framed[row, 0] == []
        for column, value in enumerate(same[row].tolist(), start=1):
            (colour,) = framed[row, column]
            assert colour == pytest.approx(GREEN if value else RED, abs=0.01)
    picture.savefig(tmp_path / "neighbours.png")


def test_a_spectrum_shows_each_epoch_against_an_even_spread(tmp_path: Path) -> None:
    first, last, val = [0.7, 0.2, 0.1, 0.0], [0.4, 0.3, 0.2, 0.1], torch.full((4,), 0.25)
    picture = plot_spectrum({"train": {0: first, 9: last}, "val": {9: val}})
    (axes,) = picture.axes
    assert axes.get_yscale() == "log"
    pale, full, other, even = axes.get_lines()
    assert [line.get_label() for line in axes.get_lines()] == [
        "training, epoch 1",
        "training, epoch 10",
        "validation, epoch 10",
        "even spread",
    ]
    assert list(full.get_xdata()) == [1, 2, 3, 4]
    assert list(full.get_ydata()) == last
    assert list(pale.get_ydata())[:3] == first[:3]
    assert 0 < pale.get_ydata()[3] < 1e-6  # on a log axis
    assert pale.get_alpha() < full.get_alpha() == other.get_alpha() == 1
    assert list(other.get_ydata()) == list(even.get_ydata()) * 2 == [0.25] * 4
    picture.savefig(tmp_path / "spectrum.png")


def test_a_spectrum_of_what_was_not_finite_can_still_be_drawn(tmp_path: Path) -> None:
    plot_spectrum({"train": {0: [float("nan")] * 4}, "val": {}}).savefig(tmp_path / "spectrum.png")
