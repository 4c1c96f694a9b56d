"""Figure 2: learning curves of all strategies and initializations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.curves import learning_curves
from analysis.families import Family, cells_of
from analysis.figures import curves_figure
from analysis.paper.board import Board
from analysis.results import chance_levels

_DRAWS_SEED = 20231  # of the bootstrap bands: the same results give the same picture


def figure2(board: Board) -> tuple[Figure, pd.DataFrame] | None:
    """The curves of active learning and their numbers; None where none has two ratios.

    Of a method that was adapted, the adapted model is shown, as in the paper: Table 4 has the other. Of
    several restarts the first is shown.
    """
    cells = [cells_of(board.results.frame, family) for family in _shown(board)]
    cells = [one for one in cells if one["percent"].nunique() > 1]
    if not cells:
        return None
    curves = learning_curves(pd.concat(cells), np.random.default_rng(_DRAWS_SEED))
    return curves_figure(curves, chance_levels(board.results.frame), board.study.reference), curves


def _shown(board: Board) -> list[Family]:
    adapted = {(one.corpus, one.method) for one in board.trained if one.adapted}
    found: dict[Family, Family] = {}
    for trained in board.trained:
        if trained.adapted or (trained.corpus, trained.method) not in adapted:
            for family in board.learned(trained):
                found.setdefault(family._replace(restart=""), family)
    return list(found.values())
