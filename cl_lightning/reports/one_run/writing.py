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
    if (reason := _failure(folder, summary)) is not None:
        print(f"warning: {printable(folder.path)} has no new {REPORT}: {reason}", file=sys.stderr)


def renew_run_reports(places: Iterable[Path]) -> None:
    """Write the reports of finished runs anew, because their folders hold more than before."""
    for folder in map(RunFolder, dict.fromkeys(places)):
        if folder.has_begun and folder.state() == "finished":
            attempt_run_report(folder)


def write_missing(folders: Iterable[RunFolder]) -> tuple[list[Path], list[str]]:
    """Write the report of each finished run that has none; returns the files, and why others have none."""
    missing = [folder for folder in folders if folder.state() == "finished" and not folder.report.is_file()]
    reasons = {folder.report: _failure(folder) for folder in missing}
    written = [file for file, reason in reasons.items() if reason is None]
    return written, [reason for reason in reasons.values() if reason is not None]


def _failure(folder: RunFolder, summary: Mapping[str, Any] | None = None) -> str | None:
    """Write a report; why it could not be written."""
    try:
        write_run_report(folder, summary)
    except ConfigError as error:
        return str(error)
    except Exception as error:
        return f"{printable(folder.path)}: {error!r}"
    return None
