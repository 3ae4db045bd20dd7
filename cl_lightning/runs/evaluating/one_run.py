"""The evaluation of one run: every number with its protocol."""

from dataclasses import asdict
from typing import Any, Literal

import sklearn
from torch import nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.blueprints.allowed import GROUP, NotAllowedError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.data import BrokenImageError, ContrastiveData
from cl_lightning.data.item import NO_LABEL
from cl_lightning.evaluation import FrozenFeatures, knn_accuracy, linear_accuracy
from cl_lightning.files import printable
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.methods.versions import versions
from cl_lightning.runs.assemble import assemble_method
from cl_lightning.runs.checking.shared_memory import spare_shared_memory
from cl_lightning.runs.circumstances import circumstances
from cl_lightning.runs.ending import by_a_script
from cl_lightning.runs.evaluating.start import ORIGINS, Trained, as_it_began, start_of
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import run_hash
from cl_lightning.runs.own_images.record import images_to_evaluate
from cl_lightning.runs.own_images.record_file import OtherImagesError


class NotEvaluableError(ConfigError):
    """A run that can't be evaluated, because a checkpoint, images or labels are missing.

    If several runs are evaluated, this one is left out.
    """


Source = Literal["query", "key", "untrained", "pixels", "starting", "parent"]


def evaluate(
    folder: RunFolder,
    source: Source = "query",
    labels: tuple[int, ...] = (1, 10),
    draws: int = 10,
    root: str | None = None,
    encoder: Trained = "query",
) -> dict[str, Any]:
    """kNN and linear accuracy of a run's backbone, each with its protocol.

    Args:
        folder: the run folder.
        source: the trained `query` encoder, MoCo's `key` encoder, or a baseline: the `untrained` network with
            the run's seed, the `pixels`, or the encoder as it began: with the `starting` weights of
            `init.weights`, or those of the `parent` of `run.extend`.
        labels: for each linear probe, its number of labelled images of each class. One more probe uses all.
        draws: how often these images are drawn.
        root: the present folder of the run's images, if they were moved.
        encoder: which encoder is meant by `starting` and `parent`.

    Returns:
        `run`, `hash`, `seed`, `encoder` (the source), `features` (their number), `results`, `versions`,
        `commit` and `machine`; and `weights`, what a run began with, for these sources.

    Raises:
        NotEvaluableError: as in `check_run`; or images have no labels, or have changed since the run began;
            or parts of it can't be built here, such as those of the user's own code.
        NoStartError: the weights with which it began are gone or have changed.
        ConfigError: there is no such run; its checkpoint is broken or has no such encoder; its data is
            missing or has too few labels.
    """
    check_run(folder, source)
    config, data = _as_trained(folder, root)
    network, views = frozen_network(folder, config, source, encoder)
    _require_labels(data.has_labels, folder)
    try:
        spare_shared_memory(data, views)
        train, val = FrozenFeatures(views, network).extract(data)
    except BrokenImageError as error:
        raise ConfigError(_broken_by_now(error, folder)) from error
    _require_labels(all(NO_LABEL not in part.labels for part in (train, val)), folder)
    try:
        linear = {f"linear_{n or 'all'}": linear_accuracy(train, val, n, draws) for n in (*labels, None)}
    except ValueError as error:
        raise ConfigError(f"{folder.path}: {error}") from error
    knn = config["callbacks"].get("knn") or {}
    start = start_of(config, encoder) if source in ORIGINS else None
    results = {
        "knn": knn_accuracy(train, val, **{name: knn[name] for name in ("k", "temperature") if name in knn})
    }
    return {
        "run": folder.path.resolve().name,
        "hash": run_hash(config),
        "seed": config["seed"],
        "encoder": source,
        **({} if start is None else {"weights": start._asdict()}),
        "features": train.features.shape[1],
        "results": {
            n: asdict(r) | {"protocol": "; ".join(r.protocol)} for n, r in (results | linear).items()
        },
        "versions": versions() | {"sklearn": sklearn.__version__},
        **circumstances(),
    }


def check_run(folder: RunFolder, source: Source) -> None:
    """Refuse a run that can't be evaluated, before anything is loaded or measured.

    Raises:
        NotEvaluableError: it is a file or not a run folder, or it has no checkpoint or no validation images.
        ConfigError: there is no such folder, or its checkpoint is broken or has no such encoder.
    """
    if folder.path.is_file():
        raise NotEvaluableError(f"{folder.path} is a file; accepted: the folder of a run")
    if folder.path.is_dir() and not folder.has_begun:  # such as runs/report
        raise NotEvaluableError(f"{folder.path} is no run folder: it has no config.yaml")
    if folder.config()["data"]["val"] is None:
        raise NotEvaluableError(f"{folder.path} has no validation images; accepted: a run with data.val")
    if source in ("query", "key"):
        if not folder.checkpoint.is_file():
            raise NotEvaluableError(
                f"{folder.path} has no checkpoints/last.ckpt; accepted: the folder of a run that was trained"
            )
        Checkpoint(folder.path).encoder_weights(source)


def _as_trained(folder: RunFolder, root: str | None) -> tuple[dict[str, Any], ContrastiveData]:
    try:
        return images_to_evaluate(folder, root)
    except OtherImagesError as error:
        raise NotEvaluableError(str(error)) from error
    except ConfigError as error:
        if str(folder.path) in str(error):
            raise
        raise NotEvaluableError(f"{folder.path} can't be built again: {error}") from error


def _require_labels(labelled: bool, folder: RunFolder) -> None:
    if not labelled:
        raise NotEvaluableError(
            f"{folder.path}: not every image of its data has a label; accepted: labelled data.train (or "
            "data.bank) and data.val"
        )


def _broken_by_now(error: BrokenImageError, folder: RunFolder) -> str:
    """The message about files that the run could read, but not this evaluation: it replaces none."""
    names = ", ".join(map(printable, error.paths))
    what = f"cannot read {names}" if names else str(error).partition("; accepted: ")[0].rstrip(".")
    return f"{folder.path}: {what}; accepted: the images that it began with, repaired or put back (data.root)"


def _method_of(folder: RunFolder, config: dict[str, Any]) -> ContrastiveModule:
    try:
        return assemble_method(config)
    except ConfigError as error:
        message = f"{folder.path} can't be built again: {error}"
        if isinstance(error, NotAllowedError) and error.package:
            what = str(error).partition("; accepted: ")[0]
            message = (
                f"{folder.path} was trained with code that nothing allows here: {what}; accepted: an entry "
                f"point of the group {GROUP}, or {by_a_script([error.package])}"
            )
        raise NotEvaluableError(message) from error


def frozen_network(
    folder: RunFolder, config: dict[str, Any], source: Source, encoder: Trained = "query"
) -> tuple[nn.Module, Any]:
    """The network of `source`, from images to features, and the views, whose `clean` makes its input."""
    method: Any = _method_of(folder, config)
    if source == "pixels":
        return nn.Flatten(), method.views
    if source in ORIGINS:
        as_it_began(method, config, encoder)
    elif source != "untrained":
        checkpoint = Checkpoint(folder.path)
        checkpoint.load_into(method.encoder, checkpoint.encoder_weights(source))
    return method.encoder.backbone, method.views
