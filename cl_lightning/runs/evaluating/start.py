"""The network with which a run began, as a baseline: other weights, or its parent's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks import MomentumEncoder
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.runs.contents import INIT, PARENT, Named, digest_of, file_of
from cl_lightning.runs.evaluating.errors import NoRowError
from cl_lightning.weights import ALL, begin

Kind = Literal["starting", "parent"]
Trained = Literal["query", "key"]
ORIGINS: dict[Kind, Named] = {"starting": INIT, "parent": PARENT}


class NoStartError(NoRowError):
    """The weights with which a run began are not there any more."""

    row = "what it began with"


class Start(NamedTuple):
    """What a run began with: `init.weights` or `run.extend`, and the SHA-256 of its content then."""

    kind: Kind
    source: str
    digest: str


def start_of(config: Mapping[str, Any], encoder: Trained) -> Start | None:
    """The weights with which the backbone of an encoder began; None if they were drawn at random."""
    for kind, named in ORIGINS.items():
        source, digest = named.of(config)
        if source is not None and (named is PARENT or _has_backbone(config["init"]["parts"], encoder)):
            return Start(kind, source, digest)
    return None


def begins_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the evaluations of two runs as they began are the same."""
    return _beginning(one) == _beginning(other)


def same_network(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two runs have the same network, before training, and the same images."""
    return all(one.get(key) == other.get(key) for key in ("seed", "views", "data")) and (
        _backbone(one) == _backbone(other)
    )


def _backbone(config: Mapping[str, Any]) -> Any:
    encoder = config["encoder"]
    return encoder.get("backbone", encoder)  # a user's own encoder may have none


def _beginning(config: Mapping[str, Any]) -> dict[str, Any]:
    keys = {name: config.get(name) for name in ("init", "data", "encoder", "views")}
    return keys | {"parent": config["run"].get("parent"), "knn": config["callbacks"].get("knn")}


def as_it_began(method: ContrastiveModule, config: Mapping[str, Any], encoder: Trained) -> None:
    """Load the weights with which an encoder of a run began into the encoder of its method.

    Raises:
        NoStartError: they are gone or have changed since the run began, or do not fit; says which.
    """
    start = start_of(config, encoder)
    assert start is not None, "only such runs are evaluated as they began"
    named = ORIGINS[start.kind]
    key = f"{named.group}.{named.source}"
    try:
        found = digest_of(named, start.source)
        if found != start.digest:
            raise ConfigError(f"{key} is {start.source}, which has changed since (its SHA-256 is {found})")
        if start.kind == "starting":
            begin(method, start.source, config["init"]["parts"])
            if encoder == "key" and (own := method.begins_with.get(MomentumEncoder.part)) is not None:
                method.encoder.load_state_dict(own["encoder"])
        else:
            checkpoint = Checkpoint(file_of(start.source))
            checkpoint.load_into(method.encoder, checkpoint.encoder_weights(encoder))
    except ConfigError as error:
        reason = str(error).partition("; accepted: ")[0]
        here = "" if Path(start.source).expanduser().is_absolute() else ", as seen from the working folder"
        raise NoStartError(
            f"{reason}; accepted: that of SHA-256 {start.digest} in its place{here}"
        ) from error


def _has_backbone(parts: Any, encoder: Trained) -> bool:
    of_key = encoder == "key" and MomentumEncoder.part in parts
    return parts == ALL or "backbone" in parts or of_key
