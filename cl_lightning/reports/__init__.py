"""Reports that compare runs: on the terminal, as CSV, as pictures and as an HTML page."""

from cl_lightning.reports.report import Report, report

__all__ = ["Report", "report"]
