"""The evaluation of a run: every number with its protocol."""

import pickle
from dataclasses import asdict
from typing import Any, Literal

import sklearn
import torch
from torch import nn

from cl_lightning.blueprints import ConfigError
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
        encoder_weights(folder, source)


def frozen_network(folder: RunFolder, config: dict[str, Any], source: Source) -> tuple[nn.Module, Any]:
    """The network from images to features that `source` names, and the views whose `clean` feeds it."""
    method: Any = assemble_method(config)
    if source == "pixels":
        return nn.Flatten(), method.views
    if source != "untrained":
        try:
            method.encoder.load_state_dict(encoder_weights(folder, source))
        except RuntimeError as error:
            raise ConfigError(
                f"{folder.checkpoint} does not fit {folder.path}/config.yaml: {error}"
            ) from error
    return method.encoder.backbone, method.views


def encoder_weights(folder: RunFolder, source: Literal["query", "key"]) -> dict[str, torch.Tensor]:
    """State dict of the encoder in the run's checkpoint.

    Raises:
        ConfigError: no checkpoint, a broken one, or one without this encoder.
    """
    if not folder.checkpoint.is_file():
        raise ConfigError(f"{folder.path} has no checkpoints/last.ckpt; accepted: a run that was trained")
    try:
        checkpoint = torch.load(folder.checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"{folder.checkpoint} is no complete checkpoint ({reason}); accepted: train the run anew"
        ) from error
    if source == "query":
        prefix = "encoder."
        weights = checkpoint["state_dict"].items()
        return {name.removeprefix(prefix): w for name, w in weights if name.startswith(prefix)}
    if "MomentumEncoder" not in checkpoint["callbacks"]:
        raise ConfigError(f"{folder.path} has no key encoder; accepted: --encoder query, or a run of moco_v2")
    return checkpoint["callbacks"]["MomentumEncoder"]["encoder"]
