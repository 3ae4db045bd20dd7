"""An evaluation, until it is written: the content of its file, and its pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure

from cl_lightning.evaluation import Result
from cl_lightning.evaluation.by_class import confusion
from cl_lightning.plots import plot_confusion, plot_features
from cl_lightning.runs.evaluating.content import content
from cl_lightning.runs.evaluating.subject import Subject
from cl_lightning.runs.folder import RunFolder

KINDS = frozenset({"confusion", "map"})  # of pictures


@dataclass(frozen=True)
class Evaluation:
    """What `content` has of a run, and pictures by their kinds."""

    folder: RunFolder
    content: dict[str, Any]
    pictures: dict[str, Figure] = field(default_factory=dict)

    @classmethod
    def of(cls, subject: Subject, results: Mapping[str, Result]) -> "Evaluation":
        """The evaluation of a network with these results. The last that has classes gets a picture."""
        about, pictures = content(subject, results), {}
        predicted = {name: r.predicted for name, r in results.items() if r.predicted is not None}
        if predicted:
            about["confusion"], last = predicted.popitem()
            counts = confusion(subject.val.labels, last, subject.classes)
            pictures["confusion"] = plot_confusion(counts, subject.class_names)
        if (way := subject.asked.map) is not None:
            about["map"] = way
            names = dict(zip(subject.classes.tolist(), subject.class_names, strict=True))
            pictures["map"] = plot_features(subject.val.features, subject.val.labels, names, way)
        return cls(subject.folder, about, pictures)
