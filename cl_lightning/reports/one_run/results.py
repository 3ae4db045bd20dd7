"""The numbers of a run, each with the protocol by which it was measured."""

from collections.abc import Iterator, Mapping

from cl_lightning.reports.html import section, sentence
from cl_lightning.reports.one_run.content import Content
from cl_lightning.reports.one_run.evaluations import evaluations
from cl_lightning.reports.table_html import Cell, Head, number_cell, plain_table, text_cell

HEADS = [Head("result"), Head("value", kind="number"), Head("how it was measured", kind="long")]


def results(run: Content) -> str:
    """At the end of training, then each evaluation."""
    parts = [plain_table("At the end of training", HEADS, [_row(*found) for found in _end(run)])]
    if not run.evaluations:
        parts.append(sentence("cl-eval has not evaluated this run"))
    return section("Results", *parts, *evaluations(run))


def _row(name: str, value: float | None, how: str) -> list[Cell]:
    return [text_cell(name), number_cell(value), text_cell(how, kind="long")]


def _end(run: Content) -> Iterator[tuple[str, float | None, str]]:
    """Name, value and protocol of each number in summary.json."""
    last = f"in epoch {run.summary.get('epochs')}" if run.summary.get("epochs") else "at the end"
    yield "kNN accuracy", run.measured("knn_top1"), _knn(run)
    yield "loss", run.measured("loss"), f"mean over all steps {last}, in nats"
    val = f"validation views, {_when(run, 'val/alignment')}"
    told = {
        "alignment": f"mean squared distance of the two views of an image; lower is closer; {val}",
        "uniformity": f"log of the mean similarity of pairs; lower is spread more evenly; {val}",
        "effective_rank": f"directions that the embeddings use{_of(run)}; {val}",
    }
    for name, how in told.items():
        value = run.measured(name)
        missing = "not measured: no callbacks.health, or no validation images (data.val)"
        yield name.replace("_", " "), value, missing if value is None else how


def _knn(run: Content) -> str:
    knn = run.group("callbacks").get("knn")
    if not isinstance(knn, Mapping):
        return "not measured: no callbacks.knn" if run.measured("knn_top1") is None else "not recorded"
    if run.measured("knn_top1") is None:
        return "not measured: not all training and validation images have labels, or there is no data.val"
    return (
        f"weighted vote of the {knn.get('k')} nearest clean training images (all, if there are fewer) by "
        f"cosine similarity s, weights exp(s / {knn.get('temperature')}), for each validation image, "
        f"{_when(run, 'val/knn_top1')}"
    )


def _when(run: Content, curve: str) -> str:
    epochs = run.curves.get(curve)
    return f"after epoch {max(epochs)}" if epochs else "at the last validation"


def _of(run: Content) -> str:
    dim = run.group("encoder").get("out_features")
    return f", of {dim}" if isinstance(dim, int) else ""
