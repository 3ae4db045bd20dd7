"""cl-eval: evaluate the encoders of runs."""

import argparse
import sys
from collections.abc import Sequence

from cl_lightning.interruption import as_command
from cl_lightning.plots.ways import WAYS
from cl_lightning.runs.evaluating.protocols import add_words, asked_for


def main(arguments: Sequence[str] | None = None) -> None:
    """The command cl-eval."""
    with as_command("cl-eval"):
        run(parser().parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Print the table and write the files, or print what is wrong."""
    from cl_lightning.commands.heavy_imports import heavy_imports
    from cl_lightning.commands.messages import (
        ENDED_EARLY,
        explain,
        is_left_alone,
        one_line,
        wants_traceback,
    )

    with heavy_imports():
        from cl_lightning.commands.quiet import quiet
        from cl_lightning.reports.one_run import renew_run_reports
        from cl_lightning.runs.evaluating.asked import Asked
        from cl_lightning.runs.evaluating.images import Images
        from cl_lightning.runs.evaluating.progress import FeatureProgress
        from cl_lightning.runs.evaluating.several_runs import evaluate_runs
        from cl_lightning.runs.frozen_trainer import frozen_trainer, is_first
        from cl_lightning.runs.given_images import given_images

    quiet()
    try:
        given = None if options.data is None else given_images(options.data, "--data")
        asked = Asked(
            options.encoder,
            asked_for(options),
            options.baselines,
            Images(given, options.root),
            frozen_trainer("cl-eval", options.accelerator, options.devices, [FeatureProgress()]),
            options.map,
        )
        evaluations = evaluate_runs(options.runs, asked, options.to)
        if is_first():
            print(evaluations.table, flush=True)
            try:
                evaluations.write()
            finally:
                renew_run_reports(place for place, _ in evaluations.files)
    except Exception as error:
        message = ENDED_EARLY if is_left_alone(error) else explain(error)
        if message is None or wants_traceback():
            raise
        sys.exit(f"cl-eval: {one_line(message)}")


def parser() -> argparse.ArgumentParser:
    """The arguments of cl-eval."""
    parser = argparse.ArgumentParser(
        prog="cl-eval",
        description="What frozen encoders are worth: a table, and evaluation-ENCODER.json in each run "
        "folder, with the protocol beside every number. The table is printed even if no file "
        "can be written.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder, such as runs/*")
    parser.add_argument(
        "--encoder", choices=("query", "key"), default="query", help="key: MoCo's moving average"
    )
    add_words(parser)
    parser.add_argument(
        "--data",
        nargs="+",
        metavar="WORD",
        help="other labelled images than the runs': a folder of photos, or words of cl-train such as "
        "data=cifar10 data.root=DIR; the files are evaluation-ENCODER-on-NAME.json",
    )
    parser.add_argument(
        "--baselines",
        action="store_true",
        help="also the pixels and the untrained network of the first run, and what each run began with: the "
        "weights of init.weights or the parent of run.extend",
    )
    parser.add_argument(
        "--map",
        choices=WAYS,
        help="also map-ENCODER.png: at most 2,000 validation images in the plane, by their features",
    )
    parser.add_argument(
        "--to", metavar="DIR", help="write DIR/RUN/evaluation-ENCODER.json, not into the run folders"
    )
    parser.add_argument(
        "--root", metavar="DIR", help="the present folder of the runs' images, if they were moved as a whole"
    )
    parser.add_argument("--accelerator", default="auto", help="Lightning's: auto, cpu, gpu (default: auto)")
    parser.add_argument(
        "--devices", type=int, metavar="N", help="processes that compute and train (default: 1)"
    )
    return parser


if __name__ == "__main__":
    main()
