"""cl-eval: how good the encoder of a run is."""

import argparse
import sys
from collections.abc import Sequence
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
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder")
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
    (evaluation-pixels.json, evaluation-untrained.json) into the first one, once all have been made.

    Raises:
        ConfigError: what was asked for can't be evaluated; nothing has been written.
    """
    from cl_lightning.evaluation import table
    from cl_lightning.runs import RunFolder
    from cl_lightning.runs.evaluation import check_run, evaluate
    from cl_lightning.runs.quiet import quiet

    check(labels, draws)
    quiet()
    folders = [RunFolder(run) for run in dict.fromkeys(runs)]
    asked = [(folders[0], "pixels"), (folders[0], "untrained")] if baselines else []
    asked += [(folder, encoder) for folder in folders]
    for folder, source in asked:
        check_run(folder, source)  # type: ignore[arg-type]
    evaluations = [(folder, evaluate(folder, source, labels, draws)) for folder, source in asked]  # type: ignore[arg-type]
    alike = len({folder.path.name for folder in folders}) < len(folders)
    rows = {
        _name(evaluation, str(folder.path) if alike else folder.path.name): evaluation["results"]
        for folder, evaluation in evaluations
    }
    return "\n".join([table(rows), "", *(_write(*evaluation) for evaluation in evaluations)])


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
