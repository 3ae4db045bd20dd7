"""Saves that end in SIGKILL, and what they leave: a program of its own, which forks, and prints JSON."""

import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from cl_lightning.checkpoints import AtomicCheckpointIO, Checkpoint, atomic
from cl_lightning.files import remove_unfinished
from cl_lightning.files.replacing import os as used

SIZE = 20_000  # floats of a checkpoint
MOMENTS = 40  # at which a loop of saves is killed


def checkpoint(step: int) -> dict[str, Any]:
    content = {"state_dict": {"weight": torch.full((SIZE,), float(step))}, "global_step": step}
    return content | {"pytorch-lightning_version": "2.6.6"}


def save(file: Path, step: int) -> None:
    AtomicCheckpointIO().save_checkpoint(checkpoint(step), file)


def found(file: Path) -> int | str | None:
    """The step of a checkpoint that is whole; None where there is no file."""
    if not file.exists():
        return None
    try:
        content = Checkpoint(file).content
    except ValueError as error:
        return str(error)
    step = content["global_step"]
    return step if torch.equal(content["state_dict"]["weight"], torch.full((SIZE,), float(step))) else "mixed"


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_the_write(content: dict[str, Any], part: Any) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    part.write(buffer.getvalue()[: buffer.tell() // 2])
    part.flush()
    die()


def after(function: Callable[..., Any]) -> Callable[..., Any]:
    def then_die(*arguments: Any) -> None:
        function(*arguments)
        die()

    return then_die


# Where a save is killed: what is put in the place of what, and the step that is found afterwards.
STAGES: dict[str, tuple[Any, str, Callable[..., Any], int | None]] = {
    "before a file is there": (atomic, "replacing", die, 1),
    "in the write": (atomic, "_write", in_the_write, 1),
    "before it is read back": (atomic, "read", die, 1),
    "before the flush to the disk": (used, "fsync", die, 1),
    "after the flush to the disk": (used, "fsync", after(os.fsync), 1),
    "before it takes the place": (used, "replace", die, 1),
    "after it took the place": (used, "replace", after(os.replace), 2),
    "before the folder is written down": (used, "open", die, 2),
}


def in_child(work: Callable[[], None]) -> int:
    """Starts `work` in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def at_stage(stage: str, folder: Path, earlier: bool) -> dict[str, Any]:
    folder.mkdir()
    file = folder / "last.ckpt"
    if earlier:
        save(file, 1)
    owner, name, instead, _ = STAGES[stage]

    def work() -> None:
        setattr(owner, name, instead)
        save(file, 2)

    status = os.waitpid(in_child(work), 0)[1]
    left = {"killed": os.WIFSIGNALED(status), "found": found(file)}
    left |= {"unfinished": len(remove_unfinished(folder)), "files": sorted(f.name for f in folder.iterdir())}
    save(file, 3)
    return left | {"next": found(file)}


def at_random_moments(folder: Path) -> list[int | str | None]:
    folder.mkdir()
    file = folder / "last.ckpt"
    save(file, 0)

    def work() -> None:
        for step in range(found(file) + 1, 10**9):  # type: ignore[operator]
            save(file, step)

    steps, choice = [], random.Random(0)
    for _ in range(MOMENTS):
        child = in_child(work)
        time.sleep(choice.uniform(0.0, 0.04))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        steps.append(found(file))
        if not isinstance(steps[-1], int):
            break
    remove_unfinished(folder)
    return [*steps, len(list(folder.iterdir()))]


def in_read_only_folder() -> dict[str, Any]:
    """Saves into a folder without the right to, by a user who has no right to everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "last.ckpt"
        save(file, 1)
        folder.chmod(0o555)
        reader, writer = os.pipe()

        def work() -> None:
            if os.getuid() == 0:
                os.setuid(65534)
            try:
                save(file, 2)
            except ValueError as error:
                os.write(writer, str(error).encode())

        os.waitpid(in_child(work), 0)
        os.close(writer)
        said = os.read(reader, 4096).decode()
        folder.chmod(0o755)
        files = sorted(f.name for f in folder.iterdir())
        return {"said": said, "file": str(file), "found": found(file), "files": files}


def main(folder: Path) -> None:
    stages = {
        f"{stage}, {'one' if earlier else 'none'} before": at_stage(stage, folder / f"{i}-{earlier}", earlier)
        for i, stage in enumerate(STAGES)
        for earlier in (True, False)
    }
    outcome = {"stages": stages, "random": at_random_moments(folder / "random")}
    print(json.dumps(outcome | {"read-only": in_read_only_folder()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
