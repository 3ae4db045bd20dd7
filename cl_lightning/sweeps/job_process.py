"""A job of a sweep in a process of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import yaml

from cl_lightning.interruption import OUT_OF_TIME
from cl_lightning.runs import RunFolder
from cl_lightning.runs.messages import FULL_ERROR, wants_traceback
from cl_lightning.sweeps.failure import last_words

# The config stands for itself: no options are chosen, and Hydra writes nothing.
HYDRA = {"output_subdir": None, "run": {"dir": "."}}
DEFAULTS = ["_self_", {"override hydra/job_logging": "none"}, {"override hydra/hydra_logging": "none"}]
NOT_THE_JOBS = ("SLURM_", "SUBMITIT_")  # this process may be a task of SLURM's; its children are none
LAST_LINES = 200
PATIENCE = 5.0  # seconds


class Command:
    """`cl-train` for a resolved config, in a session of its own, so that signals come from here only.

    What is run is this very program with the config of the job, so nothing that happens to the config files
    meanwhile changes it.

    Args:
        config: resolved.
        log: takes all that the process writes; None for the terminal.
        environment: variables beside those of this process.
    """

    def __init__(self, config: dict[str, Any], log: Path | None, environment: dict[str, str]) -> None:
        self._log = log
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        output = None if log is None else _opened(log)
        self._folder = Path(tempfile.mkdtemp(prefix="cl-train-"))
        _write(config, self._folder / "job.yaml")
        command = [*program(), "--config-path", str(self._folder), "--config-name", "job"]
        variables = {name: value for name, value in os.environ.items() if not name.startswith(NOT_THE_JOBS)}
        variables |= {FULL_ERROR: "1" if wants_traceback() else "0", **environment}
        self._process = subprocess.Popen(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE if output is None else subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._copying = threading.Thread(target=self._copy, daemon=True)
        if output is None:
            self._copying.start()
        else:
            output.close()

    def ended(self) -> bool:
        """Whether the process has ended; the processes that it left behind are ended then."""
        if self._process.poll() is None:
            return False
        self._clean()
        return True

    def stop(self) -> None:
        """Ask for the end of the run, which saves first."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End all processes at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._clean()

    def error(self, folder: RunFolder) -> str | None:
        """In one line why it failed; None if it did not."""
        code = self._process.returncode
        if code == 0:
            return None
        if code < 0:
            words = f"ended by {signal.Signals(-code).name}, of which the system's log may know more"
        else:
            words = last_words(self._output(), folder) or f"exit code {code}"
        return words if self._log is None else f"{words} ({self._log})"

    def is_out_of_time(self) -> bool:
        """Whether the run was saved and ended by its `trainer.max_time`."""
        return self._process.returncode == OUT_OF_TIME

    def _output(self) -> list[str]:
        if self._log is None:
            return list(self._lines)
        return self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]

    def _copy(self) -> None:
        assert self._process.stderr is not None, "a pipe"
        with self._process.stderr as lines:
            for line in lines:
                self._lines.append(line)
                sys.stderr.write(line)
                sys.stderr.flush()

    def _clean(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._log is None:
            self._copying.join(PATIENCE)  # its last words may be on their way
        shutil.rmtree(self._folder, ignore_errors=True)


def program() -> list[str]:
    """How this program was started, so that a script of the user's is started again."""
    spec = sys.modules["__main__"].__spec__
    if spec is None:
        return [sys.executable, str(Path(sys.argv[0]).absolute())]
    return [sys.executable, "-m", spec.name.removesuffix(".__main__")]


class _Quoting(yaml.SafeDumper):
    """Puts all text in quotes: OmegaConf takes more words for numbers than PyYAML, such as 1e-5."""


_Quoting.add_representer(str, lambda to, text: to.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def _write(config: dict[str, Any], file: Path) -> None:
    content = {"defaults": DEFAULTS, "hydra": HYDRA, **_literal(config)}
    file.write_text(yaml.dump(content, Dumper=_Quoting, sort_keys=False), encoding="utf-8")


def _literal(value: Any) -> Any:
    """A resolved value so that OmegaConf does not resolve it again."""
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_literal(inner) for inner in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value


def _opened(log: Path) -> IO[str]:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("a", encoding="utf-8")
