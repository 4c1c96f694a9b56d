"""The tables and figures of the AFTER paper, and its claims one by one, from any study."""

from analysis.paper.board import Choice
from analysis.paper.files import paper_files, paper_tables

__all__ = ["Choice", "paper_files", "paper_tables"]
