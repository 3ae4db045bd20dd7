"""The evaluation of one run: every number with its protocol."""

from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.evaluation import FrozenFeatures, Result
from cl_lightning.plots.plane import check_images
from cl_lightning.plots.ways import Way
from cl_lightning.runs.evaluating.asked import Asked
from cl_lightning.runs.evaluating.errors import NotEvaluableError
from cl_lightning.runs.evaluating.evaluation import Evaluation
from cl_lightning.runs.evaluating.images import Images
from cl_lightning.runs.evaluating.networks import Source, frozen_network
from cl_lightning.runs.evaluating.protocols import Protocol
from cl_lightning.runs.evaluating.subject import Subject
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.frozen_trainer import is_first


def evaluate(folder: RunFolder, source: Source = "query", asked: Asked | None = None) -> Evaluation:
    """The results of a run's backbone, each with its protocol. Only the first process has results.

    Args:
        folder: the run folder.
        source: the trained `query` encoder, MoCo's `key` encoder, or a baseline: the `untrained` network with
            the run's seed, the `pixels`, the network with `imagenet` weights of a library, or `asked.encoder`
            as it began: with the `starting` weights of `init.weights`, or those of the `parent` of
            `run.extend`.
        asked: how and on what it is measured.

    Raises:
        NotEvaluableError: as in `check_run`; or images have no labels, or have changed since the run began;
            or parts of it can't be built here, such as those of the user's own code.
        NoRowError: the weights with which it began are gone or have changed; there are no ImageNet weights.
        ConfigError: there is no such run; its checkpoint is broken or has no such encoder; its data is
            missing or has too few labels.
    """
    asked = asked or Asked()
    check_run(folder, source, asked.images)
    network, views = frozen_network(folder, folder.config(), source, asked.encoder)
    config, data = asked.images.config_and_data(folder, views)
    features = asked.images.features(folder, data, FrozenFeatures(views, network), asked.trainer)
    subject = Subject(folder, config, source, asked, network, views, data, *features)
    if asked.map is not None:
        _check_map(asked.map, subject)  # before minutes of measuring
    results: dict[str, Result] = {}
    for protocol in asked.protocols:
        if is_first() or protocol.all_processes:
            results |= _measured(subject, protocol)
    return Evaluation.of(subject, results) if is_first() else Evaluation(folder, {})


def _measured(subject: Subject, protocol: Protocol) -> dict[str, Result]:
    try:
        return protocol.measure(subject)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{subject.folder.path}: {error}") from error


def _config(folder: RunFolder) -> dict[str, Any]:
    if not folder.has_begun:
        return folder.config()  # raises: there is no such folder
    try:
        return folder.config()
    except ConfigError as error:
        raise NotEvaluableError(str(error)) from error


def _check_map(way: Way, subject: Subject) -> None:
    try:
        check_images(way, len(subject.val.labels))
    except ValueError as error:
        raise ConfigError(f"{subject.folder.path}: --map would be {error}") from error


def check_run(folder: RunFolder, source: Source, images: Images) -> None:
    """Refuse a run that can't be evaluated, before anything is loaded or measured.

    Raises:
        NotEvaluableError: it is a file or not a run folder, or its config.yaml is broken, or it has no
            checkpoint or no validation images.
        ConfigError: there is no such folder, or its checkpoint is broken or has no such encoder.
    """
    if folder.path.is_file():
        raise NotEvaluableError(f"{folder.path} is a file; accepted: the folder of a run")
    if folder.path.is_dir() and not folder.has_begun:  # such as runs/report
        raise NotEvaluableError(f"{folder.path} is no run folder: it has no config.yaml")
    if _config(folder)["data"].get("val") is None and images.given is None:
        raise NotEvaluableError(
            f"{folder.path} has no validation images; accepted: a run with data.val, or --data"
        )
    if source in ("query", "key"):
        if not folder.checkpoint.is_file():
            raise NotEvaluableError(
                f"{folder.path} has no checkpoints/last.ckpt; accepted: the folder of a run that was trained"
            )
        Checkpoint(folder.path).encoder_weights(source)
