"""The other processes of a forked command (see `tests.warm`), which have nothing to import either.

A spare is forked before the command runs anything, and waits. Where Lightning would start a process for
another rank, it becomes that one: a child of the command, with the outputs, environment and folder of any.
"""

import json
import os
import subprocess
from types import SimpleNamespace
from typing import Any

_waiting: list[tuple[int, int]] = []  # process, and the pipe that tells it what to run


def fork(number: int) -> dict[str, Any] | None:
    """Fork this many spares. Returns None here, and in a spare what it is to run once it is needed."""
    for _ in range(number):
        told, tell = os.pipe()
        pid = os.fork()
        if not pid:
            for pipe in (tell, *(pipe for _, pipe in _waiting)):
                os.close(pipe)
            with os.fdopen(told) as pipe:
                asked = pipe.read()
            if not asked:  # the command has ended without another rank
                os._exit(0)
            return dict(json.loads(asked))
        os.close(told)
        _waiting.append((pid, tell))
    if number:
        from lightning.fabric.strategies.launchers import subprocess_script

        subprocess_script.subprocess = SimpleNamespace(Popen=Rank)  # type: ignore[attr-defined]
    return None


class Rank(subprocess.Popen[str]):
    """A spare that begins to run, or a new process where there is none left."""

    def _execute_child(self, *started: Any) -> None:
        if not _waiting:
            super()._execute_child(*started)  # type: ignore[misc]
            return
        command, _, _, _, _, cwd, env, *_ = started
        self.pid, pipe = _waiting.pop(0)
        with os.fdopen(pipe, "w") as tell:
            json.dump({"command": command, "cwd": cwd or os.getcwd(), "env": dict(env)}, tell)
        self._child_created = True
