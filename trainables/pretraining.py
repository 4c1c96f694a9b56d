"""A trial that takes one step of a classifier's pretraining, shared by every trajectory that starts there."""

from __future__ import annotations

from trainables._work import SingleStage


class PretrainingWork(SingleStage):
    """One step of a pretraining as one step."""
