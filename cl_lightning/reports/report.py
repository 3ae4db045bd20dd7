"""A report on all runs in some folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cl_lightning.blueprints import ConfigError
from cl_lightning.files import replacing
from cl_lightning.reports.comparison import Comparison
from cl_lightning.reports.found import find_runs
from cl_lightning.reports.one_run import write_missing
from cl_lightning.reports.page import page
from cl_lightning.reports.table_file import csv_text

UNENCODABLE = "backslashreplace"  # for bytes of file names that are no text


@dataclass(frozen=True)
class Report:
    """The comparison, the files with the report, and texts about runs that are left out.

    `of_runs` are the reports of single runs that were missing and are written now; `without` says why others
    are still missing.
    """

    comparison: Comparison
    files: Sequence[Path]
    left_out: Sequence[str]
    of_runs: Sequence[Path] = ()
    without: Sequence[str] = ()


def report(folders: Sequence[str | Path], by: str | None = None, to: str | Path | None = None) -> Report:
    """Compare all runs in `folders`; write runs.csv, curves.png, parameters.png and report.html.

    A finished run without a report of its own gets it, if its folder can be written to.

    Args:
        folders: each is a run folder, or a folder that holds run folders.
        by: the number in summary.json to compare by; None for the `run.metric` of most configs.
        to: the folder for the files; None for `report` in the first folder. Files of an earlier report are
            replaced.

    Raises:
        ConfigError: there is no such folder, run or number; the files can't be written.
    """
    from cl_lightning.reports.pictures import pictures  # with matplotlib, which the report of one run spares

    runs, left_out = find_runs(folders)
    comparison = Comparison.of(runs, by)
    of_runs, without = write_missing(run.folder for run in runs)
    folder = Path(folders[0]) / "report" if to is None else Path(to)
    drawn = pictures(comparison)
    files = {
        "runs.csv": csv_text(comparison).encode(errors=UNENCODABLE),
        **drawn,
        "report.html": page(comparison, drawn, left_out, folder).encode(errors=UNENCODABLE),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with replacing(folder / name) as part:
                part.write(content)
        for name in {"curves.png", "parameters.png"} - files.keys():  # left from an earlier report
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder} can't be written to: {error.strerror}; accepted: --to DIR, a folder with room"
        ) from error
    return Report(comparison, [folder / name for name in files], left_out, of_runs, without)
