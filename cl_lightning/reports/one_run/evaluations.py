"""What cl-eval has measured: the trained encoder beside what it is compared with, on the same images."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cl_lightning.reports.columns import is_number
from cl_lightning.reports.html import details, sentence
from cl_lightning.reports.one_run.content import Content
from cl_lightning.reports.one_run.evaluation_pictures import evaluation_pictures
from cl_lightning.reports.table_html import Cell, Head, number_cell, plain_table, text_cell

Evaluation = Mapping[str, Any]

SOURCES = {
    "query": "trained encoder",
    "key": "its moving average",
    "pixels": "raw pixels",
    "untrained": "untrained encoder",
    "starting": "starting weights",
    "parent": "parent run",
    "imagenet": "ImageNet weights",
}
TRAINED = ("query", "key")


def evaluations(run: Content) -> Iterator[str]:
    """A table for each set of images with a column for each encoder; then classes and pictures."""
    for name in (name for name, evaluation in run.evaluations.items() if evaluation is None):
        yield sentence(f"evaluation-{name}.json can't be read; cl-eval writes it anew")
    for group in _by_images(run).values():
        yield plain_table(_caption(group), _heads(group), [*_rows(group), *_geometry(group)])
        for name, evaluation in group.items():
            if by_class := _by_class(evaluation["results"]):
                yield details(f"By class ({name})", _classes(name, by_class))
            pictures = "\n".join(evaluation_pictures(run, name, evaluation))
            if pictures and evaluation.get("encoder") not in TRAINED:
                pictures = details(f"Pictures ({name})", pictures)
            yield pictures


def _by_images(run: Content) -> dict[str, dict[str, Evaluation]]:
    """Evaluations on the same images, by their names."""
    groups: dict[str, dict[str, Evaluation]] = {}
    for name, evaluation in run.evaluations.items():
        if evaluation is not None:
            images = json.dumps(evaluation.get("data"), sort_keys=True)
            groups.setdefault(images, {})[name] = evaluation
    return groups


def _caption(group: Mapping[str, Evaluation]) -> str:
    """Such as: cl-eval on 360 images of digits, after 132 steps."""
    data = [found for e in group.values() if isinstance(found := e.get("data"), Mapping)]
    on = f" on {_count(data[0].get('val'))} images of {data[0].get('name')}" if data else ""
    trained = [found for e in group.values() if isinstance(found := e.get("checkpoint"), Mapping)]
    after = list(dict.fromkeys(_count(found["steps"]) for found in trained if "steps" in found))
    return f"cl-eval{on}" + (f", after {' and '.join(after)} steps" if after else "")


def _count(number: Any) -> str:
    return f"{number:,}" if isinstance(number, int) else str(number)


def _heads(group: Mapping[str, Evaluation]) -> list[Head]:
    names = [
        SOURCES.get(str(evaluation.get("encoder")), str(evaluation.get("encoder") or name))
        for name, evaluation in group.items()
    ]
    columns = [Head(name, kind="number") for name in names]
    return [Head("result"), *columns, Head("how it was measured", kind="long")]


def _rows(group: Mapping[str, Evaluation]) -> Iterator[list[Cell]]:
    """A row for each result that one of the encoders has; the protocols that differ one after the other."""
    for key in dict.fromkeys(key for evaluation in group.values() for key in evaluation["results"]):
        found = [_result(evaluation, key) for evaluation in group.values()]
        measured = [result for result in found if result]
        if not measured:
            continue
        protocols = dict.fromkeys(map(_how, measured))
        title = str(measured[0].get("title", key))
        yield [text_cell(title), *map(_value, found), text_cell(" / ".join(protocols), kind="long")]


def _result(evaluation: Evaluation, key: str) -> Mapping[str, Any]:
    found = evaluation["results"].get(key)
    return found if isinstance(found, Mapping) else {}


def _geometry(group: Mapping[str, Evaluation]) -> Iterator[list[Cell]]:
    """How the features lie on the sphere: a row for each number that one of the encoders has."""
    told = {"uniformity": "lower is spread more evenly", "effective_rank": "directions that they use"}
    for name, how in told.items():
        found = [
            numbers.get(name) if isinstance(numbers := evaluation.get("geometry"), Mapping) else None
            for evaluation in group.values()
        ]
        if any(map(is_number, found)):
            of = " / ".join(_count(evaluation.get("features")) for evaluation in group.values())
            how = f"{how}; of {of} features of the validation images, at unit length"
            title = f"{name.replace('_', ' ')} of features"
            yield [text_cell(title), *map(number_cell, found), text_cell(how, kind="long")]


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
