"""The evaluation of one run: every number with its protocol."""

from collections.abc import Sequence
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.data import ContrastiveData
from cl_lightning.evaluation import Result
from cl_lightning.runs.evaluating.content import content
from cl_lightning.runs.evaluating.errors import NotEvaluableError
from cl_lightning.runs.evaluating.networks import Source, frozen_network
from cl_lightning.runs.evaluating.protocols import Protocol, by_default
from cl_lightning.runs.evaluating.start import Trained
from cl_lightning.runs.evaluating.subject import Subject, extracted
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.own_images.record import images_to_evaluate
from cl_lightning.runs.own_images.record_file import OtherImagesError


def evaluate(
    folder: RunFolder,
    source: Source = "query",
    protocols: Sequence[Protocol] | None = None,
    root: str | None = None,
    encoder: Trained = "query",
) -> dict[str, Any]:
    """The results of a run's backbone, each with its protocol, as `content` has them.

    Args:
        folder: the run folder.
        source: the trained `query` encoder, MoCo's `key` encoder, or a baseline: the `untrained` network with
            the run's seed, the `pixels`, or the encoder as it began: with the `starting` weights of
            `init.weights`, or those of the `parent` of `run.extend`.
        protocols: what is measured; None: kNN, a linear probe, and one with few labels.
        root: the present folder of the run's images, if they were moved.
        encoder: which encoder is meant by `starting` and `parent`.

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
    features = extracted(folder, data, network, views)
    subject = Subject(folder, config, source, encoder, network, views, data, *features)
    results: dict[str, Result] = {}
    for protocol in by_default() if protocols is None else protocols:
        try:
            results |= protocol.measure(subject)
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError(f"{folder.path}: {error}") from error
    return content(subject, results)


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
