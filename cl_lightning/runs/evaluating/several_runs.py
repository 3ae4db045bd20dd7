"""The evaluation of several runs: which runs, which files, and their table."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.commands.quiet import quiet
from cl_lightning.evaluation import table
from cl_lightning.runs.evaluating.errors import NotEvaluableError
from cl_lightning.runs.evaluating.files import writable, write
from cl_lightning.runs.evaluating.networks import Source
from cl_lightning.runs.evaluating.one_run import check_run, evaluate
from cl_lightning.runs.evaluating.protocols import Protocol
from cl_lightning.runs.evaluating.rows import in_rows
from cl_lightning.runs.evaluating.start import NoStartError, Trained, begins_alike, start_of
from cl_lightning.runs.folder import RunFolder

FIRST: tuple[Source, ...] = ("pixels", "untrained")  # baselines of the first run


@dataclass(frozen=True)
class Evaluations:
    """The table of all runs, and each evaluation with the folder for its file."""

    table: str
    files: Sequence[tuple[Path, dict[str, Any]]]

    def write(self) -> None:
        """Write the evaluations as evaluation-ENCODER.json, with a message for each.

        Raises:
            ConfigError: some can't be written; all others are written.
        """
        failed: list[str] = []
        for place, evaluation in self.files:
            try:
                print(write(place, evaluation))
            except ConfigError as error:
                failed.append(str(error))
        if failed:
            raise ConfigError("; ".join(failed))


def evaluate_runs(
    runs: Sequence[str],
    encoder: Any,
    protocols: Sequence[Protocol],
    baselines: bool,
    to: str | None = None,
    root: str | None = None,
) -> Evaluations:
    """Evaluate run folders; nothing is written yet.

    The file of each evaluation goes into its run folder (or a folder of its name below `to`), those of the
    baselines into that of the first run. Before anything is measured, a message names the folders that can't
    be written to. If there are several runs, those that can't be evaluated are left out, with a message.

    Raises:
        ConfigError: no run can be evaluated as requested, or `to` can't be written to.
    """
    quiet()
    folders = [RunFolder(path) for path in {Path(run).resolve(): Path(run) for run in runs}.values()]
    among = len(folders)
    ready = evaluable(folders, encoder)
    into = writable([folder.path for folder in ready], to)
    evaluations = evaluated(ready, among, encoder, protocols, baselines, root)
    files = [(into[f.path], evaluation) for f, evaluation in evaluations if f.path in into]
    return Evaluations(table(in_rows(evaluations, folders)) + "\n", files)


def evaluable(folders: Sequence[RunFolder], encoder: Any) -> list[RunFolder]:
    """The runs that can be evaluated, as far as their folders show."""
    ready: list[RunFolder] = []
    for folder in folders:
        with left_out(among=len(folders)):
            check_run(folder, encoder)
            ready.append(folder)
    return ready


def evaluated(
    ready: Sequence[RunFolder],
    among: int,
    encoder: Any,
    protocols: Sequence[Protocol],
    baselines: bool,
    root: str | None,
) -> list[tuple[RunFolder, dict[str, Any]]]:
    """The evaluations of the runs whose images are unchanged and have labels; the baselines come first."""
    evaluations: list[tuple[RunFolder, dict[str, Any]]] = []
    for folder in ready:
        before = [ready for ready, _ in evaluations]
        sources = [*(_baselines(folder, encoder, before) if baselines else ()), encoder]
        with left_out(among):
            evaluations += list(_of_run(folder, sources, protocols, root))
    if not evaluations:
        raise ConfigError("none of these runs can be evaluated, see above")
    return evaluations


def _baselines(folder: RunFolder, encoder: Trained, before: Sequence[RunFolder]) -> list[Source]:
    """Those of the first run, and of each run what it began with, unless it is that of a run before."""
    config = folder.config()
    start = start_of(config, encoder)
    known = any(begins_alike(other.config(), config) for other in before)
    return [*(() if before else FIRST), *([] if start is None or known else [start.kind])]


def _of_run(
    folder: RunFolder, sources: Sequence[Any], protocols: Sequence[Protocol], root: str | None
) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    for source in sources:
        try:
            yield folder, evaluate(folder, source, protocols, root, encoder=sources[-1])
        except NoStartError as error:
            print(f"cl-eval: {folder.path} has no row for what it began with: {error}", file=sys.stderr)


@contextmanager
def left_out(among: int) -> Iterator[None]:
    """Prints why a run is left out; raises the error if it is the only one (`among` is 1)."""
    try:
        yield
    except NotEvaluableError as error:
        if among == 1:
            raise
        print(f"cl-eval: left out: {error}", file=sys.stderr)
