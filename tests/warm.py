"""Commands without their start-up: each is a fork of one process that has imported what they need.

`cl-train` imports for six seconds before it does anything. `run` and `Command` are like `subprocess.run` and
`Popen`: working folder, arguments, environment and outputs are the command's own, the very script or module
is run, and it ends as any program of Python does. In the process that is forked nothing has run but imports,
on one thread. Runs write no pictures, which take longer than all else of a small run.

Use `subprocess` where a test is about the start: what is imported, variables that are read by an import
(HYDRA_FULL_ERROR, OMP_NUM_THREADS), closed streams, another installation.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra.core.plugins import Plugins
from PIL import Image

from tests import spares

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cl_lightning", "hydra_plugins.cl_lightning")
# What these import only when they need it.
ALSO = (
    "antlr4",
    "fsspec.implementations.local",
    "lightning.pytorch.loggers",
    "sklearn.datasets",
    "tensorboard.plugins.hparams.api_pb2",
    "torch.utils.serialization.config",
    "torch.utils.tensorboard",
)


def run(
    command: Sequence[str], cwd: Path, env: dict[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, as `subprocess.run` does, with all that it wrote as text."""
    with Command(command, cwd, env) as started:
        out, err = started.communicate(timeout)
        return subprocess.CompletedProcess(list(command), started.poll(), out, err)


class Command:
    """A command that runs, and is killed if it still does so at the end of `with`.

    Args:
        command: a script of this Python, `[sys.executable, SCRIPT]` or `[sys.executable, "-m", MODULE]`,
            and its arguments.
        cwd: its working folder.
        env: its environment, all of it.
    """

    def __init__(self, command: Sequence[str], cwd: Path, env: dict[str, str]) -> None:
        self._command, self._folder = list(command), TemporaryDirectory()
        asked = {"command": self._command, "cwd": str(cwd), "env": env, "outputs": self._folder.name}
        self.pid: int = _server().ask(asked)
        self.returncode: int | None = None

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def poll(self) -> int | None:
        """Its exit code, below 0 after a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = _server().ask({"ended": self.pid})
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it has written to stdout and stderr when it has ended, which may take `timeout` seconds."""
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(self._command, timeout, *self.written())
            time.sleep(0.02)
        return self.written()

    def end(self) -> None:
        """Kill it if it still runs, and forget what it wrote."""
        self.send_signal(signal.SIGKILL)
        while self.poll() is None:
            time.sleep(0.005)
        self._folder.cleanup()

    def written(self) -> tuple[str, str]:
        """What it has written to stdout and stderr so far."""
        out, err = (Path(self._folder.name, name).read_text(errors="replace") for name in ("out", "err"))
        return out, err


class Server:
    """The process that is forked. It ends with this one, whatever happens to it, and ends its forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HYDRA_FULL_ERROR": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        self._process.communicate()


_kept: list[Server] = []


def _server() -> Server:
    if not _kept:
        _kept.append(Server())
    return _kept[0]


def end() -> None:
    """End the process that is forked."""
    while _kept:
        _kept.pop().end()


def serve() -> None:
    """Import, then answer requests, a line of JSON each; returns in a fork, as what was asked for."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    gc.disable()
    import_all()
    assert len(os.listdir("/proc/self/task")) == 1, "a fork would lack the other threads"
    gc.freeze()  # so that a fork shares the memory
    gc.enable()
    running: set[int] = set()
    for line in requests:
        asked = json.loads(line)
        answer: int | None
        if "ended" in asked:
            answer = _code(asked["ended"])
            running -= {asked["ended"]} if answer is not None else set()
        else:
            answer = os.fork()
            if not answer:
                requests.close()
                answers.close()
                return _become(**asked)
            running.add(answer)
        print(json.dumps(answer), file=answers, flush=True)
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return None


def import_all() -> None:
    for name in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            importlib.import_module(module.name)
    for name in ALSO:
        importlib.import_module(name)
    Image.init()  # which imports PIL's formats
    Plugins.instance()  # which imports Hydra's
    pictures: Any = sys.modules["cl_lightning.runs.pictures"]
    pictures.write_pictures = lambda folder, trainer: []
    one_run: Any = sys.modules["cl_lightning.reports.one_run"]
    one_run.attempt_run_report = lambda folder, summary: None


def _code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(command: list[str], cwd: str, env: dict[str, str], outputs: str) -> None:
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{outputs}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    asked = spares.fork(1 if "trainer=ddp_cpu" in command else 0)
    _run(**(asked or {"command": command, "cwd": cwd, "env": env}))


def _run(command: list[str], cwd: str, env: dict[str, str]) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[1:1] = [place for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]
    words = command[1:] if command[0] == sys.executable else command
    if words[0] == "-m":
        sys.path[0], sys.argv = cwd, words[1:]
        sys.modules.pop(words[1], None)  # which a new process has not imported either
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0], sys.argv = str(Path(words[0]).absolute().parent), words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    serve()
