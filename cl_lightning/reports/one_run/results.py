"""The numbers of a run, each with the protocol by which it was measured."""

from collections.abc import Iterator, Mapping
from typing import Any

from cl_lightning.reports.columns import ABSENT, is_number
from cl_lightning.reports.html import details, quiet, section, sentence
from cl_lightning.reports.one_run.content import Content
from cl_lightning.reports.one_run.evaluation_pictures import evaluation_pictures
from cl_lightning.reports.table_html import Cell, Head, plain_table, text_cell

SOURCES = {
    "query": "the trained encoder",
    "key": "the moving average of the encoder",
    "pixels": "raw pixels",
    "untrained": "the untrained encoder",
    "starting": "the weights that it began with",
    "parent": "the run that it went on from",
    "imagenet": "the network with ImageNet weights",
}
HEADS = [Head("result"), Head("value", kind="number"), Head("how it was measured", kind="long")]


def results(run: Content) -> str:
    """At the end of training, then each evaluation."""
    parts = [plain_table("At the end of training", HEADS, [_row(*found) for found in _end(run)])]
    for name, evaluation in run.evaluations.items():
        parts += _evaluation(run, name, evaluation)
    if not run.evaluations:
        parts.append(sentence("cl-eval has not evaluated this run"))
    return section("Results", *parts)


def _row(name: str, value: float | None, how: str) -> list[Cell]:
    return [text_cell(name), number_cell(value), text_cell(how, kind="long")]


def number_cell(value: Any, form: str = ".4g") -> Cell:
    if not is_number(value):
        return text_cell(ABSENT, ABSENT, "number")
    return text_cell(f"{value:{form}}", value, "number")


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


def _evaluation(run: Content, name: str, evaluation: Mapping[str, Any] | None) -> Iterator[str]:
    if evaluation is None:
        yield sentence(f"evaluation-{name}.json can't be read; cl-eval writes it anew")
        return
    rows = [
        [text_cell(str(result.get("title", key))), _value(result), text_cell(_how(result), kind="long")]
        for key, result in evaluation["results"].items()
        if isinstance(result, Mapping)
    ]
    yield plain_table(_caption(name, evaluation), HEADS, rows)
    yield from _geometry(evaluation)
    if by_class := _by_class(evaluation["results"]):
        yield details(f"By class ({name})", _classes(name, by_class))
    yield from evaluation_pictures(run, name, evaluation)


def _geometry(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """How the features lie on the sphere."""
    found = evaluation.get("geometry")
    numbers = found if isinstance(found, Mapping) else {}
    told = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in numbers.items() if is_number(value)]
    if told:
        dim = evaluation.get("features")
        yield quiet(f"The {dim} features of the validation images, at unit length: {', '.join(told)}.")


def _caption(name: str, evaluation: Mapping[str, Any]) -> str:
    """Such as: cl-eval, query: the trained encoder, after 132 steps, on 360 images of digits."""
    source = SOURCES.get(str(evaluation.get("encoder")), str(evaluation.get("encoder")))
    checkpoint, data = evaluation.get("checkpoint"), evaluation.get("data")
    steps = checkpoint.get("steps") if isinstance(checkpoint, Mapping) else None
    after = "" if steps is None else f", after {steps} steps"
    on = f", on {data.get('val')} images of {data.get('name')}" if isinstance(data, Mapping) else ""
    return f"cl-eval, {name}: {source}{after}{on}"


def _value(result: Mapping[str, Any]) -> Cell:
    if not is_number(value := result.get("accuracy")):
        return number_cell(result.get("value"))
    spread = f" ± {result['std']:.3f}" if _draws(result) > 1 and is_number(result.get("std")) else ""
    return text_cell(f"{value:.3f}{spread}", value, "number")


def _draws(result: Mapping[str, Any]) -> int:
    draws = result.get("draws", 1)
    return draws if isinstance(draws, int) else 1


def _how(result: Mapping[str, Any]) -> str:
    spread = "; ±: standard deviation over draws" if _draws(result) > 1 else ""
    return f"{result.get('protocol', 'not recorded')}{spread}"


def _by_class(found: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """The accuracy of each class, by the title of a result that has it."""
    return {
        str(result.get("title", key)): result["by_class"]
        for key, result in found.items()
        if isinstance(result, Mapping) and isinstance(result.get("by_class"), Mapping)
    }


def _classes(name: str, by_class: Mapping[str, Mapping[str, float]]) -> str:
    classes = list(dict.fromkeys(label for column in by_class.values() for label in column))
    heads = [Head("class"), *(Head(title, kind="number") for title in by_class)]
    rows = [
        [text_cell(label), *(number_cell(column.get(label), ".3f") for column in by_class.values())]
        for label in classes
    ]
    return plain_table(f"Accuracy of each class ({name})", heads, rows)
