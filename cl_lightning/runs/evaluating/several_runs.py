"""The evaluation of several runs: which runs, which files, and their table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.evaluation import class_table, table
from cl_lightning.runs.evaluating.asked import Asked
from cl_lightning.runs.evaluating.errors import NoRowError, NotEvaluableError
from cl_lightning.runs.evaluating.evaluation import Evaluation
from cl_lightning.runs.evaluating.networks import Source
from cl_lightning.runs.evaluating.one_run import check_run, evaluate
from cl_lightning.runs.evaluating.places import writable
from cl_lightning.runs.evaluating.rows import in_rows
from cl_lightning.runs.evaluating.start import Trained, begins_alike, same_network, start_of
from cl_lightning.runs.evaluating.telling import tell
from cl_lightning.runs.evaluating.together import together
from cl_lightning.runs.evaluating.writing import write
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.frozen_trainer import is_first

FIRST: tuple[Source, ...] = ("pixels", "untrained")  # baselines of the first run


@dataclass(frozen=True)
class Evaluations:
    """The rows of the table, by their names, and each evaluation with the folder for its files."""

    rows: dict[str, Evaluation]
    files: Sequence[tuple[Path, Evaluation]]

    @cached_property
    def table(self) -> str:
        """All rows, and the accuracy of each class if there is one row."""
        results = {name: evaluation.content["results"] for name, evaluation in self.rows.items()}
        text = table(results) + "\n"
        if len(results) == 1 and (by_class := class_table(*results.values())):
            text += f"\n{by_class}"
        return text

    def write(self) -> None:
        """Write the evaluations and their pictures, with a message for each file.

        Raises:
            ConfigError: some can't be written; all others are written.
        """
        failed: list[str] = []
        for place, evaluation in self.files:
            try:
                for message in write(place, evaluation):
                    print(message)
            except ConfigError as error:
                failed.append(str(error))
        if failed:
            raise ConfigError("; ".join(failed))


def evaluate_runs(runs: Sequence[str], asked: Asked, to: str | None = None) -> Evaluations:
    """Evaluate run folders; nothing is written yet.

    The files of each evaluation go into its run folder (or a folder of its name below `to`), those of the
    baselines into that of the first run. Before anything is measured, a message names the folders that can't
    be written to. If there are several runs, those that can't be evaluated are left out, with a message.

    Raises:
        ConfigError: no run can be evaluated as requested, or `to` can't be written to.
    """
    folders = [RunFolder(path) for path in {Path(run).resolve(): Path(run) for run in runs}.values()]
    ready = evaluable(folders, asked)
    into = writable([folder.path for folder in ready], to)
    with together(asked.trainer):
        evaluations = evaluated(ready, len(folders), asked)
    if not is_first():
        return Evaluations({}, [])
    files = [(into[e.folder.path], e) for e in evaluations if e.folder.path in into]
    return Evaluations(in_rows(evaluations, folders), files)


def evaluable(folders: Sequence[RunFolder], asked: Asked) -> list[RunFolder]:
    """The runs that can be evaluated, as far as their folders show."""
    ready: list[RunFolder] = []
    for folder in folders:
        with left_out(among=len(folders)):
            check_run(folder, asked.encoder, asked.images)
            ready.append(folder)
    return ready


def evaluated(ready: Sequence[RunFolder], among: int, asked: Asked) -> list[Evaluation]:
    """The evaluations of the runs whose images are unchanged and have labels; the baselines come first."""
    evaluations: list[Evaluation] = []
    for folder in ready:
        before = [evaluation.folder for evaluation in evaluations]
        with left_out(among):
            evaluations += list(_of_run(folder, _sources(folder, asked, before), asked))
    if not evaluations:
        raise ConfigError("none of these runs can be evaluated, see above")
    return evaluations


def _sources(folder: RunFolder, asked: Asked, before: Sequence[RunFolder]) -> list[Source]:
    """The networks that are measured for a run; its encoder comes last.

    Those that a protocol compares with are left out if they were measured for a run before.
    """
    baselines = _baselines(folder, asked.encoder, before) if asked.baselines else []
    against: list[Source] = [source for protocol in asked.protocols for source in protocol.against]
    if any(same_network(other.config(), folder.config()) for other in before):
        against = []
    return list(dict.fromkeys([*baselines, *against, asked.encoder]))


def _baselines(folder: RunFolder, encoder: Trained, before: Sequence[RunFolder]) -> list[Source]:
    """Those of the first run, and of each run what it began with, unless it is that of a run before."""
    config = folder.config()
    start = start_of(config, encoder)
    known = any(begins_alike(other.config(), config) for other in before)
    return [*(() if before else FIRST), *([] if start is None or known else [start.kind])]


def _of_run(folder: RunFolder, sources: Sequence[Any], asked: Asked) -> Iterator[Evaluation]:
    for source in sources:
        try:
            yield evaluate(folder, source, asked)
        except NoRowError as error:
            tell(f"{folder.path} has no row for {error.row}: {error}")


@contextmanager
def left_out(among: int) -> Iterator[None]:
    """Prints why a run is left out; raises the error if it is the only one (`among` is 1)."""
    try:
        yield
    except NotEvaluableError as error:
        if among == 1:
            raise
        tell(f"left out: {error}")
