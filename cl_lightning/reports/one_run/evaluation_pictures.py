"""The pictures of an evaluation, and in words what they show."""

from collections.abc import Iterator, Mapping
from typing import Any

from cl_lightning.plots.ways import TITLES
from cl_lightning.reports.columns import is_number
from cl_lightning.reports.html import image, quiet
from cl_lightning.reports.one_run.content import Content

CLASSES = 3  # named at each end


def evaluation_pictures(run: Content, name: str, evaluation: Mapping[str, Any]) -> Iterator[str]:
    """The confusion picture and the map of evaluation-NAME.json, each if it is there."""
    if (png := run.pictures.get(f"confusion-{name}")) is not None:
        result = evaluation["results"].get(str(evaluation.get("confusion")))
        by = f", by {result.get('title')}" if isinstance(result, Mapping) else ""
        told = f"Which classes were taken for which ({name}{by})"
        yield image(told, f"{told}.{_extremes(result)}", png)
        yield quiet(f"{told}: a row for each true class.")
    if (png := run.pictures.get(f"map-{name}")) is not None:
        way = {str(name): title for name, title in TITLES.items()}.get(str(evaluation.get("map")))
        told = f"A map of the features of the evaluated images ({name}{f', by {way}' if way else ''})"
        yield image(told, f"{told}, coloured by class.", png)
        yield quiet(f"{told}, coloured by class.")


def _extremes(result: Any) -> str:
    """The classes with the lowest and the highest accuracy."""
    by_class = result.get("by_class") if isinstance(result, Mapping) else None
    if not isinstance(by_class, Mapping) or not all(map(is_number, by_class.values())):
        return ""
    ordered = sorted(by_class.items(), key=lambda item: item[1])
    lowest, highest = (
        ", ".join(f"{name} {value:.2f}" for name, value in part)
        for part in (ordered[:CLASSES], ordered[: -CLASSES - 1 : -1])
    )
    return f" Accuracy is lowest of {lowest}, and highest of {highest}."
