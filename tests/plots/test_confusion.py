"""The confusion picture: shares of true classes, legible with any number of them."""

import numpy as np
import pytest

from cl_lightning.plots import plot_confusion
from cl_lightning.plots.canvas import as_png
from cl_lightning.plots.confusion import CELLS, confusions

COUNTS = np.array([[6, 2, 0], [0, 0, 0], [1, 0, 3]])


def texts(axes) -> dict[tuple[float, float], str]:
    return {text.get_position(): text.get_text() for text in axes.texts}


def test_a_cell_has_its_share_of_the_true_class() -> None:
    picture = plot_confusion(COUNTS, ["a", "$b", "c\udce9"])
    axes = picture.axes[0]
    assert texts(axes) == {(0, 0): "0.75", (1, 0): "0.25", (0, 2): "0.25", (2, 2): "0.75"}
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", r"\$b", r"c\xe9"]
    cells = axes.images[0].get_array()
    assert cells[0].tolist() == [0.75, 0.25, 0.0]
    assert cells.mask[1].all()  # no image of this class
    assert as_png(picture).startswith(b"\x89PNG")


def test_confusions_are_ordered_by_their_share_and_leave_out_what_is_right() -> None:
    assert confusions(COUNTS) == [(0, 1, 0.25), (2, 0, 0.25)]
    assert confusions(np.array([[1, 1], [9, 1]])) == [(1, 0, 0.9), (0, 1, 0.5)]
    assert confusions(np.eye(3, dtype=int)) == []


@pytest.mark.parametrize(("classes", "names"), [(2, 2), (12, 12), (40, 40)])
def test_up_to_forty_classes_are_named(classes: int, names: int) -> None:
    counts = np.eye(classes, dtype=int)
    axes = plot_confusion(counts, [f"class {i}" for i in range(classes)]).axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [f"class {i}" for i in range(names)]


@pytest.mark.parametrize("classes", [13, 100, 1000])
def test_of_many_classes_the_most_frequent_confusions_are_named(classes: int) -> None:
    counts = 10 * np.eye(classes, dtype=int)
    counts[12, 7] = 30
    picture = plot_confusion(counts, [f"class {i}" for i in range(classes)])
    axes, beside = picture.axes[:2]
    assert texts(axes) == {}
    (words,) = texts(beside).values()
    assert "75% of class 12" in words
    assert "as class 7" in words
    cells = axes.images[0].get_array()
    assert len(cells) == min(classes, CELLS)
    by = classes // len(cells)
    assert cells[12 // by, 7 // by] == 0.75
    assert (cells.diagonal()[13 // by :] == 1).all()


def test_other_names_than_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 3\)"):
        plot_confusion(COUNTS, ["a", "b"])
