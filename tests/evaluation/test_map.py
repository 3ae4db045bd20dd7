"""cl-eval --map: the validation images in the plane, beside the numbers."""

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cl_lightning.evaluate import main
from cl_lightning.plots import plane, plot_features
from tests.evaluation.test_cl_eval import refused

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*neighbours are asked of a bank"),
    pytest.mark.filterwarnings("ignore:.*Experiment logs directory"),
]


def test_the_map_is_written_and_is_in_the_report(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def kept(*args: object) -> Figure:
        drawn.append(plot_features(*args))
        return drawn[-1]

    monkeypatch.setattr("cl_lightning.runs.evaluating.evaluation.plot_features", kept)
    folder = run("simclr")
    main([str(folder), "--protocol", "knn", "--map", "tsne"])
    with Image.open(folder / "map-query.png") as picture:
        picture.verify()
    assert json.loads((folder / "evaluation-query.json").read_text())["map"] == "tsne"
    (axes,) = drawn[0].axes
    points = [np.asarray(part.get_offsets()) for part in axes.collections]
    assert sum(map(len, points)) == 32
    assert "t-SNE" in axes.get_title(loc="left")
    report = (folder / "report.html").read_text()
    assert "coloured by class" in report
    assert report.count("data:image/png;base64") == 2  # and the confusions

    main([str(folder), "--protocol", "knn"])
    assert json.loads((folder / "evaluation-query.json").read_text())["map"] == "tsne"  # still there


def test_a_map_that_needs_more_is_refused_before_anything_is_measured(
    run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(package: str) -> None:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(plane, "distribution", absent)
    monkeypatch.setattr("cl_lightning.runs.evaluating.several_runs.evaluate", None)
    folder = run("simclr")
    assert "cl_lightning[umap]" in refused(capsys, str(folder), "--map", "umap")
    assert not list(folder.glob("evaluation*"))
