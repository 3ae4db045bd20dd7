"""cl-report: compare all runs of a folder."""

import argparse
import shutil
import sys
from collections.abc import Sequence

from cl_lightning.interruption import as_command

WIDTH = 120  # characters of a line, if the output is not a terminal


def main(arguments: Sequence[str] | None = None) -> None:
    """The command cl-report."""
    with as_command("cl-report"):
        run(parser().parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Print the table and write the files, or print what is wrong."""
    from cl_lightning.blueprints import ConfigError
    from cl_lightning.reports import report
    from cl_lightning.reports.terminal import text

    try:
        done = report(options.folders, options.by, options.to)
    except ConfigError as error:
        sys.exit(f"cl-report: {error}")
    for reason in done.left_out:
        print(f"cl-report: left out: {reason}", file=sys.stderr)
    print(text(done.comparison, shutil.get_terminal_size((WIDTH, 0)).columns))
    if (number := len(done.without)) > 0:
        print(f"cl-report: no report of its own: {number} of the runs, {done.without[0]}", file=sys.stderr)
    print("\n".join(f"wrote {file}" for file in [*done.of_runs, *done.files]))


def parser() -> argparse.ArgumentParser:
    """The arguments of cl-report."""
    parser = argparse.ArgumentParser(
        prog="cl-report",
        description="Compares all runs of a folder, also while they train: prints a table, and writes "
        "runs.csv, curves.png, parameters.png and report.html in FOLDER/report. A finished run whose folder "
        "has no report.html of its own gets one.",
    )
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="holds run folders, such as runs")
    parser.add_argument(
        "--by", metavar="METRIC", help="compare by this number of summary.json (run.metric of the configs)"
    )
    parser.add_argument("--to", metavar="DIR", help="write there (report in the first FOLDER)")
    return parser


if __name__ == "__main__":
    main()
