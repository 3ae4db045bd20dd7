"""Alignment against uniformity: the points are those of metrics.csv, by epoch."""

from pathlib import Path

from cl_lightning.plots import plot_trajectory
from cl_lightning.plots.canvas import as_png

HEAD = "epoch,step,step/loss,train/alignment,train/uniformity,val/alignment,val/uniformity"


def metrics(folder: Path, *rows: str) -> Path:
    file = folder / "metrics.csv"
    file.write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    return file


def lines(picture) -> dict[str, tuple[list[float], list[float]]]:
    (axes,) = picture.axes
    named = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in named}


def test_each_epoch_with_both_values_is_a_point_and_both_ends_are_named(tmp_path: Path) -> None:
    file = metrics(
        tmp_path,
        ",1,5.0,,,,",
        "0,3,,,,0.9,-1.0",
        "0,3,,0.8,-1.5,,",
        "1,7,,0.7,nan,,",
        "2,11,,0.6,-2.0,,",
        "3,15,,0.5,,,",
        "4,19,,0.4,-2.5,,",
    )
    picture = plot_trajectory(file)
    assert lines(picture) == {
        "training": ([0.8, 0.6, 0.4], [-1.5, -2.0, -2.5]),
        "validation": ([0.9], [-1.0]),
    }
    words = sorted(text.get_text() for text in picture.axes[0].texts)
    assert words == ["epoch 1", "epoch 1", "epoch 5"]
    assert "lower left is better" in picture.axes[0].get_title(loc="left")
    assert as_png(picture).startswith(b"\x89PNG")


def test_without_both_values_there_is_no_picture(tmp_path: Path) -> None:
    assert plot_trajectory(metrics(tmp_path, "0,3,,0.8,,,", ",1,5.0,,,,")) is None
    (tmp_path / "metrics.csv").write_text("epoch,step,train/loss\n0,3,1.5\n", encoding="utf-8")
    assert plot_trajectory(tmp_path / "metrics.csv") is None
