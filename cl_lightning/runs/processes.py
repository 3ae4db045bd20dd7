"""The processes that the first process of a run starts, and how all of them end together."""

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from lightning.fabric.utilities.distributed import _set_num_threads_if_needed
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from cl_lightning.commands.messages import ENDED_EARLY

INTERVAL = 0.2  # seconds between two checks
PATIENCE = 7.0  # seconds for this process to end by itself, with its own message and exit code


class Processes(DDPStrategy):
    """DDP whose first process ends with an error code if another process fails.

    Lightning's own check, every 5 s, kills the first process even if it is just ending by itself. So the same
    error could end with exit code 1 or 137.

    Args:
        command: the command that runs, for the message of a process that was left alone.
        settings: those of `DDPStrategy`.
    """

    def __init__(self, command: str = "cl-train", **settings: Any) -> None:
        super().__init__(**settings)
        self._command = command

    def _configure_launcher(self) -> None:
        super()._configure_launcher()
        if type(self._launcher) is _SubprocessScriptLauncher:
            assert self.cluster_environment is not None, "as in DDPStrategy"
            self._launcher = Launcher(self.cluster_environment, self.num_processes, self.num_nodes)
            self._launcher.command = self._command


class Launcher(_SubprocessScriptLauncher):
    """Starts the other processes, and watches them while this process works."""

    command = "cl-train"

    def launch(self, function: Callable[..., Any], *args: Any, trainer: Any = None, **kwargs: Any) -> Any:
        """Call `function` in this process beside the others."""
        self.cluster_environment.validate_settings(num_devices=self.num_processes, num_nodes=self.num_nodes)
        done = threading.Event()
        if not self.cluster_environment.creates_processes_externally:
            self._call_children_scripts()
            threading.Thread(target=self._watch, args=[done], daemon=True).start()
        _set_num_threads_if_needed(num_processes=self.num_processes)
        try:
            return function(*args, **kwargs)
        finally:
            done.set()

    def _watch(self, done: threading.Event) -> None:
        """End this process if another one has failed and it waits for that one for ever."""
        while not any(process.poll() for process in self.procs):
            if done.wait(INTERVAL):
                return
        if done.wait(PATIENCE):
            return
        for process in self.procs:
            process.kill()
        print(f"{self.command}: {ENDED_EARLY}", file=sys.stderr, flush=True)
        os._exit(1)
