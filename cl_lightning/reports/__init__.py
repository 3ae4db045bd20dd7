"""What many runs reached, side by side: on the terminal, as CSV, as pictures and as a page."""

from cl_lightning.reports.report import Report, report

__all__ = ["Report", "report"]
