"""The files that a config names, whose contents are part of a run's identity."""

import errno
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from cl_lightning.blueprints import ConfigError, shown
from cl_lightning.files import printable
from cl_lightning.runs.config_file import FOREIGN
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.identity import determining


class Named(NamedTuple):
    """A key that names a file, and the key of the same group for the SHA-256 of its content."""

    group: str
    source: str
    digest: str

    def of(self, config: Mapping[str, Any]) -> tuple[Any, Any]:
        """The values of both keys; None where a config lacks them."""
        group = config.get(self.group)
        keys = group if isinstance(group, Mapping) else {}
        return keys.get(self.source), keys.get(self.digest)


INIT = Named("init", "weights", "sha256")
BACKBONE = ["backbone"]  # init.parts of a config without init.weights
PARENT = Named("run", "extend", "parent")


def with_contents(config: dict[str, Any]) -> dict[str, Any]:
    """The config with the SHA-256 of each file that it names, so that other content is another run.

    A file that is gone is no hindrance for a run that has begun from it: the run's own checkpoint goes on.
    Nor is one that has changed, if the SHA-256 that it had is given.

    Raises:
        ConfigError: a file is missing, and no run has begun from it; it has changed since an unfinished run
            began from it; it has another SHA-256 than the one given; both keys name a file.
    """
    if INIT.of(config)[0] is not None and PARENT.of(config)[0] is not None:
        raise ConfigError(
            f"init.weights is {shown(INIT.of(config)[0])} and run.extend is {shown(PARENT.of(config)[0])}; "
            "accepted: one of them, because both say where weights come from"
        )
    parts = (config.get("init") or {}).get("parts", BACKBONE)
    if INIT.of(config)[0] is None and parts != BACKBONE:
        raise ConfigError(
            f"init.parts is {shown(parts)}, but init.weights is null; accepted: init.weights=RUN, a file, "
            "timm:NAME or torchvision:NAME; or init=backbone without it"
        )
    for named in (INIT, PARENT):
        source, given = named.of(config)
        if source is not None:
            digest = _digest(named, source, given, config)
            config = config | {named.group: config[named.group] | {named.digest: digest}}
        elif given is not None:
            raise ConfigError(
                f"{named.group}.{named.digest} is {shown(given)}, but {named.group}.{named.source} is null; "
                "accepted: both or neither"
            )
    return config


def with_paths(keys: dict[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Hashed keys for readers: a file by its path and the first digits of its SHA-256."""
    for named in (INIT, PARENT):
        if (key := f"{named.group}.{named.digest}") in keys:
            content, (path, _) = keys.pop(key), named.of(config)
            by_path = f"{path} ({content[:8]})" if isinstance(content, str) else content
            keys[f"{named.group}.{named.source}"] = by_path
    return keys


def file_of(source: str) -> Path:
    """The file that a key names: a checkpoint of a run folder, or the file itself."""
    path = Path(source).expanduser()
    return path / "checkpoints" / "last.ckpt" if path.is_dir() else path


def _digest(named: Named, source: Any, given: Any, config: dict[str, Any]) -> str:
    key = f"{named.group}.{named.source}"
    if not isinstance(source, str) or not source:
        raise ConfigError(f"{key} is {shown(source)}; accepted: a run folder or a file")
    try:
        found = digest_of(named, source)
    except ConfigError:
        if (begun := _begun(named, source, given, config)) is None:
            raise
        return begun
    if given is not None and given != found:
        if (begun := _begun(named, source, given, config)) is not None:
            return begun
        raise ConfigError(
            f"{named.group}.{named.digest} is {shown(given)}, but that of {source} is {found}; accepted: "
            "the file with this SHA-256, or no such key"
        )
    if given is None:
        _refuse_changed(named, source, found, config)
    return found


def digest_of(named: Named, source: str) -> str:
    """The SHA-256 of what a key names: of a file's content, or of weights by name.

    Raises:
        ConfigError: there is no such file, or it can't be read; or no such name.
    """
    if _is_name(named, source):
        from cl_lightning.weights.named import digest_by_name  # with torch

        return digest_by_name(source)
    return sha256(named, source)


def _is_name(named: Named, source: str) -> bool:
    """Whether a key names weights of a library, and no file."""
    if named is not INIT or ":" not in source:
        return False
    from cl_lightning.weights.named import is_name  # with torch

    return is_name(source)


def sha256(named: Named, source: str) -> str:
    """The SHA-256 of the file that a key names, in hexadecimal digits.

    Raises:
        ConfigError: there is no such file, or it can't be read.
    """
    try:
        file = file_of(source)
        if file.is_fifo():  # to read it would be to wait for its writer
            raise OSError(errno.ESPIPE, "it is a pipe", str(file))
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, ValueError, RuntimeError) as error:  # the last two: no path, and no home of a user
        file_too = "a file, timm:NAME or torchvision:NAME" if named is INIT else "or a checkpoint file of one"
        raise ConfigError(
            f"{named.group}.{named.source} is {printable(source)}, but {_why_not(error, source)}; accepted: "
            f"the folder of a run that was trained, {file_too}"
        ) from error


def _why_not(error: Exception, source: str) -> str:
    if isinstance(error, FileNotFoundError):
        is_folder = Path(source).expanduser().is_dir()
        return "it has no checkpoints/last.ckpt" if is_folder else "there is no such file"
    if isinstance(error, OSError):
        return f"{error.filename} can't be read: {error.strerror}"
    return f"it can't be read: {error}"


def check_unchanged(named: Named, config: Mapping[str, Any]) -> None:
    """Raises ConfigError if a file that was read has another content than at the start of the command."""
    source, digest = named.of(config)
    if not _is_name(named, source) and sha256(named, source) != digest:
        raise ConfigError(
            f"{named.group}.{named.source} is {source}, which has changed while it was read; accepted: "
            "a file that nothing writes into, such as a copy"
        )


def _begun(named: Named, source: str, given: Any, config: dict[str, Any]) -> str | None:
    """The SHA-256 in the runs of this config that began from this source; None if there are none."""
    found = {digest for _, digest in _runs_from(named, source, config) if given in (None, digest)}
    return found.pop() if len(found) == 1 else None


def _refuse_changed(named: Named, source: str, found: str, config: dict[str, Any]) -> None:
    for folder, digest in _runs_from(named, source, config):
        if digest != found and folder.summary() is None and folder.checkpoint.is_file():
            if any(now == found for _, now in _runs_from(named, source, config)):
                return  # the new content has a run too
            key = f"{named.group}.{named.digest}"
            raise ConfigError(
                f"{named.group}.{named.source} is {source}, which has changed since {folder.path} began from "
                f"it (SHA-256 {digest[:8]} then, {found[:8]} now), and that run is not finished; accepted: "
                f"the file as it was; {key}={digest} to go on without it; or {key}={found} for a run of its "
                "own"
            )


def _runs_from(named: Named, source: str, config: dict[str, Any]) -> Iterator[tuple[RunFolder, str]]:
    """Runs in the same `run.root` of the same config, whatever the content of this source was."""
    same = _without(named, config)
    for file in sorted(Path(config["run"]["root"]).glob("*/config.yaml")):
        folder = RunFolder(file.parent)
        with suppress(*FOREIGN):
            began = folder.config()
            path, digest = named.of(began)
            if path == source and isinstance(digest, str) and _without(named, began) == same:
                yield folder, digest


def _without(named: Named, config: dict[str, Any]) -> dict[str, Any]:
    return determining(config | {named.group: {**config[named.group], named.digest: "any"}})
