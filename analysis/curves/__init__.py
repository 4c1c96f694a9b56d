"""Learning curves and what is read off them: areas, deficiency, labels and time to a target, penalties."""

from analysis.curves.area import area, areas, areas_of, global_score
from analysis.curves.deficiency import deficiency
from analysis.curves.gain import Gain, gain_between
from analysis.curves.learning import (
    bootstrap_over_seeds,
    interval_over_folds,
    learning_curves,
    sd_over_folds,
)
from analysis.curves.penalty import checkpoints, penalty_matrix
from analysis.curves.target import FoldCurve, Reached, reach, to_target, to_targets

__all__ = [
    "FoldCurve",
    "Gain",
    "Reached",
    "area",
    "areas",
    "areas_of",
    "bootstrap_over_seeds",
    "checkpoints",
    "deficiency",
    "gain_between",
    "global_score",
    "interval_over_folds",
    "learning_curves",
    "penalty_matrix",
    "reach",
    "sd_over_folds",
    "to_target",
    "to_targets",
]
