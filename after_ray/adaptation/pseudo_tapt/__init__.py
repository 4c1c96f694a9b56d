"""Pseudo-TAPT (Chen and Rudnicky, ICASSP 2023): frames of a network that learned emotions are clustered, and
the backbone is adapted to name the clusters of masked frames. It reads every label of train.
"""

from after_ray.adaptation.pseudo_tapt._pseudo_labels import PseudoLabelObjective
from after_ray.adaptation.pseudo_tapt._targets import Targets, TargetSearch

__all__ = ["PseudoLabelObjective", "TargetSearch", "Targets"]
