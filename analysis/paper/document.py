"""A LaTeX document that shows all tables and figures of a study, to be compiled as it is."""

from __future__ import annotations

from collections.abc import Sequence

from analysis._rendering import escape_latex
from analysis.paper.layout import PaperTable

_OPENING = r"""% Compile with pdflatex; needs booktabs and graphicx.
\documentclass[10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage{textcomp}
\usepackage[a4paper,margin=22mm]{geometry}
\usepackage{graphicx}
\usepackage{booktabs}
% What is wider than the page shrinks to it.
\newcommand{\fitted}[1]{\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{#1}}
\begin{document}
"""


def document(title: str, tables: Sequence[PaperTable], figures: Sequence[tuple[str, str]]) -> str:
    r"""The text of `paper.tex`: it inputs `NAME.tex` of every table and includes `NAME.pdf` of every figure.

    Args:
        title: of the study.
        tables: in their order.
        figures: names and captions.
    """
    parts = [_OPENING, rf"\section*{{{escape_latex(title)}}}", ""]
    parts += [_table(table) for table in tables]
    parts += [_figure(name, caption) for name, caption in figures]
    return "\n".join([*parts, r"\end{document}", ""])


def _table(table: PaperTable) -> str:
    notes = " ".join(escape_latex(note) for note in table.notes)
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"  \centering",
            rf"  \renewcommand{{\thetable}}{{{table.number}}}",
            rf"  \caption{{{escape_latex(table.caption)}}}",
            rf"  \label{{tab:{table.name}}}",
            r"  \smallskip\small\setlength{\tabcolsep}{4.5pt}",
            rf"  \fitted{{\input{{{table.name}}}}}",
            rf"  \par\smallskip\parbox{{\linewidth}}{{\footnotesize {notes}}}" if notes else "  %",
            r"\end{table}",
            "",
        ]
    )


def _figure(name: str, caption: str) -> str:
    return "\n".join(
        [
            r"\begin{figure}[htbp]",
            r"  \centering",
            rf"  \fitted{{\includegraphics{{{name}.pdf}}}}",
            rf"  \renewcommand{{\thefigure}}{{{name.removeprefix('figure')}}}",
            rf"  \caption{{{escape_latex(caption)}}}",
            rf"  \label{{fig:{name}}}",
            r"\end{figure}",
            "",
        ]
    )
