"""How often each test finds a difference where there is none, in studies of a given design."""

from analysis.false_positives.rates import Calibration, Rate, calibrate, false_positives
from analysis.false_positives.worlds import Design, additive_differences, learner_differences, learner_scores

__all__ = [
    "Calibration",
    "Design",
    "Rate",
    "additive_differences",
    "calibrate",
    "false_positives",
    "learner_differences",
    "learner_scores",
]
