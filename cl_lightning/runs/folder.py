"""The folder of a run."""

import json
import shutil
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from cl_lightning.blueprints import ConfigError
from cl_lightning.files import printable, remove_unfinished, replacing
from cl_lightning.runs.config_file import config_text, read_whole_config
from cl_lightning.runs.identity import earlier_hashes, run_hash
from cl_lightning.runs.json_file import read_object
from cl_lightning.runs.lock import HeldError, is_held, locked

LOCK = ".lock"
PARENT = "parent.json"
REPORT = "report.html"
UNENCODABLE = "backslashreplace"  # for bytes of file names that are no text; JSON reads them back
State = Literal["finished", "running", "failed", "stopped"]


class RunFolder:
    """`run.root/run.name-HASH`: config.yaml, metrics.csv, summary.json, checkpoints/, plots/, ...

    The same config always has the same folder, on all ranks, without communication. A process trains in it
    only inside `locked`, and calls `prepare` first.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.is_new = False

    @classmethod
    def of(cls, config: dict[str, Any]) -> "RunFolder":
        """The folder of a resolved config, whether it exists or not.

        An existing folder is found by its hash, even if its name before the hash has changed.

        Raises:
            ConfigError: there are several such folders, or a name is not text.
        """
        root, identity = Path(config["run"]["root"]), run_hash(config)
        _check_text(config["run"])
        for known in (*earlier_hashes(config), identity):
            found = sorted(path for path in root.glob(f"*-{known}") if path.is_dir())
            if len(found) > 1:
                raise ConfigError(
                    f"{', '.join(map(str, found))} are folders of one run; accepted: one of them in "
                    f"run.root, {root}: move or remove the others"
                )
            if found:
                return cls(found[0])
        return cls(root / f"{config['run']['name']}-{identity}")

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def has_begun(self) -> bool:
        return (self.path / "config.yaml").is_file()

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def plots(self) -> Path:
        return self.path / "plots"

    @property
    def error(self) -> Path:
        """The traceback of the error that ended the run, until it is started again."""
        return self.path / "error.txt"

    @property
    def report(self) -> Path:
        return self.path / REPORT

    def state(self) -> State:
        """The state of the run, for processes other than the one that trains."""
        if (self.path / "summary.json").is_file():
            return "finished"
        if is_held(self.path / LOCK):
            return "running"
        return "failed" if self.error.is_file() else "stopped"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """In this block the folder exists, and no other process trains in it.

        The lock ends with this process, even if it is killed (see `cl_lightning.runs.lock`). An empty folder
        is removed at the end.

        Raises:
            ConfigError: another process has the lock (names it); the folder can't be made or written to.
        """
        with ExitStack() as stack:
            stack.callback(self._remove_if_empty)
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self.path / LOCK))
            except HeldError as error:
                raise ConfigError(
                    f"{self.path} is being trained by {error}; accepted: wait for it or stop it, or another "
                    "config"
                ) from error
            except OSError as error:
                raise ConfigError(
                    f"run.root is {self.path.parent}, but {self.path} can't be written to: {error.strerror}; "
                    "accepted: a folder to write into"
                ) from error
            yield

    def prepare(self, config: dict[str, Any]) -> bool:
        """Begin or continue the run of `config`: the folder has a config.yaml, and no unfinished files.

        An existing config.yaml stays unchanged: it shows how the run began.

        Returns:
            whether there is a checkpoint to continue from.

        Raises:
            ConfigError: the run is finished; config.yaml can't be written.
        """
        if self.summary() is not None:
            raise ConfigError(
                f"{self.path} was finished by another process; accepted: the same command again, which "
                "tells what it reached"
            )
        remove_unfinished(self.path)
        self.error.unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)  # of a run that was killed before it was finished
        if not self.has_begun:
            self.is_new = True
            self.write("config.yaml", config_text(config).encode())
        return self.checkpoint.is_file()

    def discard(self) -> None:
        """Remove the files of a run that was refused before its first step, unless it had begun before."""
        if not self.is_new or self.checkpoint.is_file():
            return
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != LOCK:  # `locked` removes it at its end
                path.unlink()

    def config(self) -> dict[str, Any]:
        """The resolved config of the run.

        Raises:
            ConfigError: this is not a run folder; its config.yaml is broken.
        """
        file = self.path / "config.yaml"
        if not file.is_file():
            raise ConfigError(f"{self.path} is no run folder: it has no config.yaml")
        return read_whole_config(file)

    def summary(self) -> dict[str, Any] | None:
        """The results of a finished run; None if it is not finished. Raises ConfigError if broken."""
        return read_object(self.path / "summary.json")

    def parent(self) -> dict[str, Any] | None:
        """The run that this one went on from (name, hash, step, epoch); None if it began by itself."""
        return read_object(self.path / PARENT)

    def write_error(self) -> None:
        """Save the traceback of the current error, if the folder can still be written to."""
        with suppress(OSError):
            self.error.write_text(traceback.format_exc(), encoding="utf-8", errors=UNENCODABLE)

    def write_json(self, name: str, content: dict[str, Any]) -> Path:
        """Write a file into the folder, completely or not at all.

        Raises:
            ConfigError: no space or no permission; an earlier file stays unchanged.
        """
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        return self.write(name, text.encode("utf-8", UNENCODABLE))

    def write(self, name: str, content: bytes) -> Path:
        """As `write_json`, for any content."""
        file = self.path / name
        try:
            with replacing(file) as part:
                part.write(content)
        except OSError as error:
            raise ConfigError(
                f"{file} can't be written: {error.strerror}; accepted: a folder with room for it that can be "
                "written to (run.root)"
            ) from error
        return file

    def _remove_if_empty(self) -> None:
        with suppress(OSError):
            self.path.rmdir()


def _check_text(run: dict[str, Any]) -> None:
    """Refuse names that are not text: torch and TensorBoard can't write such files."""
    for key in ("root", "name"):
        try:
            str(run[key]).encode()
        except UnicodeEncodeError as error:
            name = printable(str(run[key]))
            raise ConfigError(f"run.{key} is {name}; accepted: a name that is text, in UTF-8") from error
