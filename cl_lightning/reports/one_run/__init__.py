"""The report of one run: report.html in its folder."""

from cl_lightning.reports.one_run.writing import (
    attempt_run_report,
    renew_run_reports,
    write_missing,
    write_run_report,
)

__all__ = ["attempt_run_report", "renew_run_reports", "write_missing", "write_run_report"]
