"""Writes report.html into a run folder."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.files import printable
from cl_lightning.reports.one_run.content import content
from cl_lightning.reports.one_run.page import page
from cl_lightning.runs.folder import REPORT, UNENCODABLE, RunFolder


def write_run_report(folder: RunFolder, summary: Mapping[str, Any] | None = None) -> Path:
    """Write the report of a finished run, or of one that finishes with this summary; replaces an earlier one.

    Raises:
        ConfigError: the run is not finished, or a file of it is broken; the report can't be written.
    """
    found = folder.summary() if summary is None else summary
    if found is None:
        raise ConfigError(f"{folder.path} is not finished; accepted: the run's command again, which goes on")
    return folder.write(REPORT, page(content(folder, found)).encode(errors=UNENCODABLE))


def attempt_run_report(folder: RunFolder, summary: Mapping[str, Any] | None = None) -> None:
    """As `write_run_report`, but a failure is only a warning: a run and its evaluation are worth more."""
    try:
        write_run_report(folder, summary)
    except Exception as error:
        reason = str(error) if isinstance(error, ConfigError) else repr(error)
        print(f"warning: {printable(folder.path)} has no new {REPORT}: {reason}", file=sys.stderr)


def renew_run_reports(places: Iterable[Path]) -> None:
    """Write the reports of finished runs anew, because their folders hold more than before."""
    for folder in map(RunFolder, dict.fromkeys(places)):
        if folder.has_begun and folder.state() == "finished":
            attempt_run_report(folder)


def write_missing(folders: Iterable[RunFolder]) -> tuple[list[Path], list[str]]:
    """Write the report of each finished run that has none; returns the files, and why others have none."""
    written, refused = [], []
    for folder in folders:
        if folder.state() == "finished" and not folder.report.is_file():
            try:
                written.append(write_run_report(folder))
            except ConfigError as error:
                refused.append(str(error))
    return written, refused
