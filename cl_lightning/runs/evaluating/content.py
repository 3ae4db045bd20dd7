"""The content of an evaluation's file: what was evaluated, and the results."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sklearn

from cl_lightning.checkpoints import Checkpoint
from cl_lightning.evaluation import Result
from cl_lightning.evaluation.by_class import accuracy_by_class, confusion
from cl_lightning.evaluation.geometry import geometry
from cl_lightning.methods.versions import versions
from cl_lightning.runs.circumstances import circumstances
from cl_lightning.runs.evaluating.published import weights_of
from cl_lightning.runs.evaluating.start import ORIGINS, start_of
from cl_lightning.runs.evaluating.subject import Subject
from cl_lightning.runs.identity import run_hash

# Results may stand in one file if these keys are equal; `run` is only the name of a folder.
OF_ONE_NETWORK = ("hash", "seed", "encoder", "weights", "checkpoint", "data")


def content(subject: Subject, results: Mapping[str, Result]) -> dict[str, Any]:
    """The file of an evaluation.

    `run`, `hash`, `seed`, `encoder` (the source), `checkpoint` (None for a network that is in none), `data`,
    `features` (their number), `geometry` of the validation features, `results`, `versions`, `commit` and
    `machine`; and `weights`, whose they are, of a network that the run did not train.
    """
    weights = _weights(subject)
    return {
        "run": subject.folder.path.resolve().name,
        "hash": run_hash(subject.folder.config()),
        "seed": subject.config["seed"],
        "encoder": subject.source,
        **({} if weights is None else {"weights": weights}),
        "checkpoint": _checkpoint(subject),
        "data": _data(subject),
        "features": subject.train.features.shape[1],
        "geometry": geometry(subject.val.features),
        "results": {name: _as_json(subject, result) for name, result in results.items()},
        "versions": versions() | {"sklearn": sklearn.__version__},
        **circumstances(),
    }


def _weights(subject: Subject) -> dict[str, str] | None:
    """What a network that the run did not train has; None if that is drawn at random."""
    if subject.source == "imagenet":
        return weights_of(subject.network)
    start = start_of(subject.config, subject.asked.encoder) if subject.source in ORIGINS else None
    return None if start is None else start._asdict()


def of_one_network(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two evaluations are of the same weights on the same images."""
    return all(one.get(key) == other.get(key) for key in OF_ONE_NETWORK)


def of_same_images(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two evaluations are on the same images."""
    return one.get("data") == other.get("data")


def _as_json(subject: Subject, result: Result) -> dict[str, Any]:
    about = {"title": result.title, "heading": result.heading, **result.values}
    if result.predicted is not None:
        counts = confusion(subject.val.labels, result.predicted, subject.classes)
        about["by_class"] = accuracy_by_class(counts, subject.class_names)
    return about | {"protocol": "; ".join([*result.protocol, *_transfer(subject)])}


def _transfer(subject: Subject) -> list[str]:
    """A phrase about images that are not the run's."""
    if subject.given is None:
        return []
    name, own = subject.given.name, subject.config["data"]["name"]
    if name == own:
        return [f"images of {name} as --data names them"]
    return [f"images of {name}, while the run trained on {own}"]


def _checkpoint(subject: Subject) -> dict[str, Any] | None:
    """The SHA-256 of the file, and how many epochs and steps it was trained."""
    if subject.source not in ("query", "key"):
        return None
    checkpoint = Checkpoint(subject.folder.path)
    return {name: getattr(checkpoint, name) for name in ("sha256", "epochs", "steps")}


def _data(subject: Subject) -> dict[str, Any]:
    """The name of the images, whether they are others than the run's, how many, and a digest of them."""
    sets = subject.data.sets.inventories()
    known = {name: vars(part) | {"root": None} for name, part in sets.items()}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    numbers = {"train": len(subject.train.labels), "val": len(subject.val.labels)}
    return {"name": subject.data_name, "transfer": subject.given is not None, **numbers, "digest": digest}
