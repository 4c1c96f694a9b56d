"""The report of a study: one page that can be sent around, and beside it the files it was made of."""

from analysis.report.contents import SIMULATIONS, Select
from analysis.report.writing import ReportPaths, write_report

__all__ = ["SIMULATIONS", "ReportPaths", "Select", "write_report"]
