"""cl-eval: how good the encoder of a run is."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cl_lightning.runs import RunFolder


def main(arguments: Sequence[str] | None = None) -> None:
    """The command cl-eval."""
    options = parser().parse_args(arguments)

    from cl_lightning.blueprints import ConfigError

    try:
        print(
            evaluate_runs(
                options.runs, options.encoder, tuple(options.labels), options.draws, options.baselines
            )
        )
    except ConfigError as error:
        sys.exit(f"cl-eval: {error}")


def parser() -> argparse.ArgumentParser:
    """What cl-eval accepts."""
    parser = argparse.ArgumentParser(
        prog="cl-eval",
        description="kNN and linear accuracy of frozen encoders, as a table and as evaluation-ENCODER.json "
        "in each run folder, where the protocol stands beside every number.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder, such as runs/*")
    parser.add_argument(
        "--encoder", choices=("query", "key"), default="query", help="key: MoCo's moving average"
    )
    parser.add_argument(
        "--labels",
        type=int,
        nargs="*",
        default=[1, 10],
        metavar="N",
        help="labels a class, beside all (1 10)",
    )
    parser.add_argument("--draws", type=int, default=10, metavar="N", help="of the labelled images (10)")
    parser.add_argument(
        "--baselines", action="store_true", help="also the pixels and the untrained network of the first run"
    )
    return parser


def evaluate_runs(
    runs: Sequence[str], encoder: Any, labels: tuple[int, ...], draws: int, baselines: bool
) -> str:
    """Evaluate run folders and return the table of all, and the names of the files written.

    Each evaluation goes into its run folder as evaluation-ENCODER.json, those of the baselines
    (evaluation-pixels.json, evaluation-untrained.json) into the first one, once all have been made. Of
    several runs, those that there is nothing to evaluate of are told and left out.

    Raises:
        ConfigError: what was asked for can't be evaluated; nothing has been written.
    """
    from cl_lightning.evaluation import table
    from cl_lightning.runs import RunFolder
    from cl_lightning.runs.quiet import quiet

    check(labels, draws)
    quiet()
    folders = [RunFolder(run) for run in dict.fromkeys(runs)]
    evaluations = evaluated(folders, encoder, labels, draws, baselines)
    alike = len({folder.path.name for folder in folders}) < len(folders)
    rows = {
        _name(evaluation, str(folder.path) if alike else folder.path.name): evaluation["results"]
        for folder, evaluation in evaluations
    }
    return "\n".join([table(rows), "", *(_write(*evaluation) for evaluation in evaluations)])


def evaluated(
    folders: Sequence["RunFolder"], encoder: Any, labels: tuple[int, ...], draws: int, baselines: bool
) -> list[tuple["RunFolder", dict[str, Any]]]:
    """The evaluations of those runs that have something to evaluate, the baselines of the first one before.

    All runs are checked before the first is measured.
    """
    from cl_lightning.blueprints import ConfigError
    from cl_lightning.runs.evaluation import check_run, evaluate

    ready: list[RunFolder] = []
    for folder in folders:
        with left_out(among=len(folders)):
            check_run(folder, encoder)
            ready.append(folder)
    evaluations: list[tuple[RunFolder, dict[str, Any]]] = []
    for folder in ready:
        sources = ["pixels", "untrained", encoder] if baselines and not evaluations else [encoder]
        with left_out(among=len(folders)):
            evaluations += [(folder, evaluate(folder, source, labels, draws)) for source in sources]
    if not evaluations:
        raise ConfigError("none of these runs can be evaluated, see above")
    return evaluations


@contextmanager
def left_out(among: int) -> Iterator[None]:
    """Tells why a run is left out, `among` more than one."""
    from cl_lightning.runs.evaluation import NotEvaluableError

    try:
        yield
    except NotEvaluableError as error:
        if among == 1:
            raise
        print(f"cl-eval: left out: {error}", file=sys.stderr)


def check(labels: Sequence[int], draws: int) -> None:
    """Refuse numbers of labels and draws that no data has."""
    from cl_lightning.blueprints import ConfigError

    if draws < 1:
        raise ConfigError(f"--draws is {draws}; accepted: 1 or more")
    if any(n < 1 for n in labels) or len(set(labels)) < len(labels):
        raise ConfigError(f"--labels is {' '.join(map(str, labels))}; accepted: numbers from 1, each once")


def _name(evaluation: dict[str, Any], run: str) -> str:
    source = evaluation["encoder"]
    baselines = {"pixels": "raw pixels", "untrained": "untrained encoder"}
    return baselines.get(source, f"{run} ({source})")


def _write(folder: "RunFolder", evaluation: dict[str, Any]) -> str:
    name = f"evaluation-{evaluation['encoder']}.json"
    verb = "replaced" if (folder.path / name).exists() else "wrote"
    return f"{verb} {folder.write_json(name, evaluation)}"


if __name__ == "__main__":
    main()
