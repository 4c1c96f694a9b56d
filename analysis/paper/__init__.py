"""The tables and figures of the AFTER paper, and its claims one by one, from any study."""

from analysis.paper.board import Board, Choice
from analysis.paper.by_validation import BoardByValidation
from analysis.paper.claims import Verdict, answers, walk, walk_files, walk_frame, walk_table
from analysis.paper.files import paper_files, paper_tables
from analysis.paper.layout import PaperTable

__all__ = [
    "Board",
    "BoardByValidation",
    "Choice",
    "PaperTable",
    "Verdict",
    "answers",
    "paper_files",
    "paper_tables",
    "walk",
    "walk_files",
    "walk_frame",
    "walk_table",
]
