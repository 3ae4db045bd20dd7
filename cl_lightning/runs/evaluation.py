"""The evaluation of a run: every number with its protocol."""

from dataclasses import asdict
from typing import Any, Literal

import sklearn
from torch import nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.evaluation import FrozenFeatures, knn_accuracy, linear_accuracy
from cl_lightning.runs.assemble import assemble_data, assemble_method
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import run_hash
from cl_lightning.runs.summary import versions

Source = Literal["query", "key", "untrained", "pixels"]


def evaluate(
    folder: RunFolder, source: Source = "query", labels: tuple[int, ...] = (1, 10), draws: int = 10
) -> dict[str, Any]:
    """kNN and linear accuracy of a run's backbone, each with the protocol that it was measured by.

    Args:
        folder: of the run, for its data and encoder.
        source: the trained `query` encoder, MoCo's `key` encoder, or, to compare with, the `untrained`
            network of the run's seed, or the `pixels`.
        labels: labelled images a class of the linear probes, beside the one with all.
        draws: of those images.

    Returns:
        `run`, `hash`, `encoder` (the source), `features` (their number), `results` and `versions`.

    Raises:
        ConfigError: no such run, a run without checkpoint or without the encoder asked for, data that can't
            be evaluated, labels that it has not.
    """
    check_run(folder, source)
    config = folder.config()
    network, views = frozen_network(folder, config, source)
    train, val = FrozenFeatures(views, network).extract(assemble_data(config))
    if min(train.labels.min(), val.labels.min()) < 0:
        raise ConfigError(
            f"{folder.path}: not every image of its data has a label; accepted: labelled data.train, data.val"
        )
    try:
        linear = {f"linear_{n or 'all'}": linear_accuracy(train, val, n, draws) for n in (*labels, None)}
    except ValueError as error:
        raise ConfigError(f"{folder.path}: {error}") from error
    knn = config["callbacks"].get("knn") or {}
    results = {
        "knn": knn_accuracy(train, val, **{name: knn[name] for name in ("k", "temperature") if name in knn})
    }
    return {
        "run": folder.path.resolve().name,
        "hash": run_hash(config),
        "encoder": source,
        "features": train.features.shape[1],
        "results": {
            n: asdict(r) | {"protocol": "; ".join(r.protocol)} for n, r in (results | linear).items()
        },
        "versions": versions() | {"sklearn": sklearn.__version__},
    }


def check_run(folder: RunFolder, source: Source) -> None:
    """Refuse, before anything is measured, a run that can't be evaluated: ConfigError as in `evaluate`."""
    if folder.config()["data"]["val"] is None:
        raise ConfigError(f"{folder.path} has no validation images; accepted: a run with data.val")
    if source in ("query", "key"):
        Checkpoint(folder.path).encoder_weights(source)


def frozen_network(folder: RunFolder, config: dict[str, Any], source: Source) -> tuple[nn.Module, Any]:
    """The network from images to features that `source` names, and the views whose `clean` feeds it."""
    method: Any = assemble_method(config)
    if source == "pixels":
        return nn.Flatten(), method.views
    if source != "untrained":
        checkpoint = Checkpoint(folder.path)
        checkpoint.load_into(method.encoder, checkpoint.encoder_weights(source))
    return method.encoder.backbone, method.views
