"""The network with which a run began, as a baseline: other weights, or its parent's."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.runs.contents import INIT, PARENT, Named, digest_of, file_of
from cl_lightning.weights import ALL, begin

Kind = Literal["starting", "parent"]
ORIGINS: dict[Kind, Named] = {"starting": INIT, "parent": PARENT}


class NoStartError(ConfigError):
    """The weights with which a run began are not there any more; its other rows can be measured."""


class Start(NamedTuple):
    """What a run began with: `init.weights` or `run.extend`, and the SHA-256 of its content then."""

    kind: Kind
    source: str
    digest: str


def start_of(config: Mapping[str, Any]) -> Start | None:
    """The weights with which the backbone of a run began; None if they were drawn at random."""
    for kind, named in ORIGINS.items():
        source, digest = named.of(config)
        if source is not None and (named is PARENT or _has_backbone(config["init"]["parts"])):
            return Start(kind, source, digest)
    return None


def as_it_began(method: ContrastiveModule, config: Mapping[str, Any]) -> None:
    """Load the weights with which a run began into its method.

    Raises:
        NoStartError: they are gone or have changed since the run began, or do not fit; says which.
    """
    start = start_of(config)
    assert start is not None, "only such runs are evaluated as they began"
    named = ORIGINS[start.kind]
    key = f"{named.group}.{named.source}"
    try:
        found = digest_of(named, start.source)
        if found != start.digest:
            raise ConfigError(f"{key} is {start.source}, which has changed since (its SHA-256 is {found})")
        if start.kind == "starting":
            begin(method, start.source, config["init"]["parts"])
        else:
            checkpoint = Checkpoint(file_of(start.source))
            checkpoint.load_into(method.encoder, checkpoint.encoder_weights())
    except ConfigError as error:
        reason = str(error).partition("; accepted: ")[0]
        raise NoStartError(f"{reason}; accepted: that of SHA-256 {start.digest} in its place") from error


def _has_backbone(parts: Any) -> bool:
    return parts == ALL or "backbone" in parts
