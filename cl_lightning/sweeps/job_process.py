"""Runs a job of a sweep in its own process."""

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

from cl_lightning.commands.messages import FULL_ERROR, wants_traceback
from cl_lightning.interruption import OUT_OF_TIME
from cl_lightning.runs import RunFolder
from cl_lightning.sweeps.failure import reason_in

# The config is complete: no options are chosen, and Hydra writes no files.
HYDRA = {"output_subdir": None, "run": {"dir": "."}}
DEFAULTS = ["_self_", {"override hydra/job_logging": "none"}, {"override hydra/hydra_logging": "none"}]
NOT_THE_JOBS = ("SLURM_", "SUBMITIT_")  # this process may be a SLURM task; its child processes are not
LAST_LINES = 200
PATIENCE = 5.0  # seconds


class Command:
    """`cl-train` with a resolved config, in its own session, so that only this process sends it signals.

    It runs this program with the config of the job, so later changes of config files do not affect it.

    Args:
        config: the resolved config.
        log: the file for all output of the process; None for the terminal.
        environment: variables in addition to those of this process.
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
        """Whether the process has ended. If so, also ends the processes that it has left running."""
        if self._process.poll() is None:
            return False
        self._clean()
        return True

    def stop(self) -> None:
        """Ask the run to save and end."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._clean()

    def error(self, folder: RunFolder) -> str | None:
        """Why it failed, in one line; None if it did not fail."""
        code = self._process.returncode
        if code == 0:
            return None
        if code < 0:
            reason = f"ended by {signal.Signals(-code).name}; the system's log may say why"
        else:
            reason = reason_in(self._output(), folder) or f"exit code {code}"
        return reason if self._log is None else f"{reason} ({self._log})"

    def is_out_of_time(self) -> bool:
        """Whether `trainer.max_time` has saved and ended the run."""
        return self._process.returncode == OUT_OF_TIME

    def _output(self) -> list[str]:
        if self._log is None:
            return list(self._lines)
        return self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]

    def _copy(self) -> None:
        assert self._process.stderr is not None, "it is a pipe"
        with self._process.stderr as lines:
            for line in lines:
                self._lines.append(line)
                sys.stderr.write(line)
                sys.stderr.flush()

    def _clean(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._log is None:
            self._copying.join(PATIENCE)  # wait for its last lines
        shutil.rmtree(self._folder, ignore_errors=True)


def program() -> list[str]:
    """The command that started this program, so that a user's script is started again."""
    spec = sys.modules["__main__"].__spec__
    if spec is None:
        return [sys.executable, str(Path(sys.argv[0]).absolute())]
    return [sys.executable, "-m", spec.name.removesuffix(".__main__")]


class _Quoting(yaml.SafeDumper):
    """Quotes all text, because OmegaConf reads more texts as numbers than PyYAML, such as 1e-5."""


_Quoting.add_representer(str, lambda to, text: to.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def _write(config: dict[str, Any], file: Path) -> None:
    content = {"defaults": DEFAULTS, "hydra": HYDRA, **_literal(config)}
    file.write_text(yaml.dump(content, Dumper=_Quoting, sort_keys=False), encoding="utf-8")


def _literal(value: Any) -> Any:
    """A resolved value, escaped so that OmegaConf does not resolve it again."""
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_literal(inner) for inner in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value


def _opened(log: Path) -> IO[str]:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("a", encoding="utf-8")
