"""The folder of a run."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.identity import run_hash


class RunFolder:
    """`run.root/run.name-HASH`: config.yaml, metrics.csv, summary.json, checkpoints/, plots/.

    The same config always has the same folder, on all ranks, without a word between them.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def of(cls, config: dict[str, Any]) -> "RunFolder":
        """The folder that a resolved config belongs to, whether it is there or not."""
        run = config["run"]
        return cls(Path(run["root"]) / f"{run['name']}-{run_hash(config)}")

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def plots(self) -> Path:
        return self.path / "plots"

    def create(self, config: dict[str, Any]) -> None:
        """Make the folder with its config.yaml.

        Raises:
            ConfigError: the folder is there already, or can't be made.
        """
        try:
            self.path.mkdir(parents=True)
        except FileExistsError as error:
            raise ConfigError(
                f"{self.path} holds a run of this config that did not end; accepted: remove it, or change "
                "run.name or run.root"
            ) from error
        except OSError as error:
            raise ConfigError(
                f"run.root is {self.path.parent}: {error.strerror}; accepted: a folder to write into"
            ) from error
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        try:
            self._write("config.yaml", text)
        except ConfigError:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the folder of a run that has not begun."""
        shutil.rmtree(self.path)

    def config(self) -> dict[str, Any]:
        """The resolved config of the run.

        Raises:
            ConfigError: no run there.
        """
        file = self.path / "config.yaml"
        if not file.is_file():
            raise ConfigError(f"{self.path} is no run folder: it has no config.yaml")
        return yaml.safe_load(file.read_text(encoding="utf-8"))

    def summary(self) -> dict[str, Any] | None:
        """What a finished run reached; None while it is not finished."""
        file = self.path / "summary.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def write_json(self, name: str, content: dict[str, Any]) -> Path:
        """Write a file of this name into the folder, as a whole or not at all.

        Raises:
            ConfigError: no room for it, or no permission; one that was there stays.
        """
        return self._write(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def _write(self, name: str, text: str) -> Path:
        from cl_lightning.checkpoints import replacing  # with torch, which a finished run does without

        file = self.path / name
        try:
            with replacing(file) as part:
                part.write(text.encode("utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{file} can't be written: {error.strerror}; accepted: a folder with room for it that can be "
                "written to (run.root)"
            ) from error
        return file
