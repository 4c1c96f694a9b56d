"""The files beside a page: every frame as CSV, every table as Markdown and LaTeX, every picture."""

from __future__ import annotations

import pandas as pd

from analysis._rendering import to_latex, to_markdown
from analysis.cost import cost_frame
from analysis.figures import to_pdf, to_png, to_svg
from analysis.measures import by_corpus_frame
from analysis.paper import paper_files, walk_files
from analysis.rankings import Ranked
from analysis.report.contents import Contents
from analysis.report.trust import trust_frame
from analysis.tables import cells_frame, comparison_frame


def files(contents: Contents) -> dict[str, str | bytes]:
    """Names and contents; what a study has nothing of is left out."""
    frames = {
        "table": contents.scores,
        "comparison": comparison_frame(contents.comparisons),
        "curves": contents.curves,
        "ranks": _ranks_frame(contents.ranked),
        "seconds": contents.seconds,
        "cost": cost_frame(contents.results),
        "cells": cells_frame(contents.results),
        "by_corpus": by_corpus_frame(contents.results),
        "false_positives": trust_frame(contents.calibrations),
        "selection": contents.selection,
    }
    tables = {
        "table": contents.score_tables,
        "comparison": [*contents.declared_tables, *contents.explored_tables],
        "by_corpus": [] if contents.by_corpus_table is None else [contents.by_corpus_table],
        "false_positives": contents.trust_tables,
        "measures": list(contents.measures.tables),
        "selection": [] if contents.selection_table is None else [contents.selection_table],
    }
    return {
        **_pictures(contents),
        **{f"{name}.csv": to_csv(frame) for name, frame in frames.items() if not frame.empty},
        **{name: to_csv(frame) for name, frame in contents.measures.files.items()},
        **{f"{name}.md": to_markdown(found) for name, found in tables.items() if found},
        **{f"{name}.tex": to_latex(found) for name, found in tables.items() if found},
        "methods.md": "\n\n".join(contents.methods) + "\n",
        **paper_files(contents.board),
        **walk_files(contents.verdicts),
    }


def to_csv(frame: pd.DataFrame) -> str:
    """A frame as CSV text without its index; shares keep six digits."""
    return frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def _pictures(contents: Contents) -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {}
    for name, figure in {**contents.figures(), **contents.critical_figures}.items():
        found |= {f"{name}.svg": to_svg(figure, name), f"{name}.png": to_png(figure)}
        found[f"{name}.pdf"] = to_pdf(figure)
    return found


def _ranks_frame(ranked: list[Ranked]) -> pd.DataFrame:
    """One row per ranked method; a ranking that was refused has one row with its reason."""
    rows = []
    for one in ranked:
        shared = {"ranking": one.title, "percent": one.percent, "blocks": one.blocks, "reason": one.reason}
        if one.ranking is None:
            rows.append(shared)
            continue
        figures = {
            "chi2": one.ranking.chi2,
            "p": one.ranking.p,
            "f": one.ranking.f,
            "f_p": one.ranking.f_p,
            "critical_difference": one.ranking.critical_difference,
        }
        for name, mean_rank in zip(one.names, one.ranking.ranks.tolist(), strict=True):
            rows.append({**shared, "method": name, "mean_rank": mean_rank, **figures})
    return pd.DataFrame(rows)
