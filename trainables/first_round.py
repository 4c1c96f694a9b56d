"""A trial that runs round 0, shared by the trajectories of all strategies."""

from __future__ import annotations

from trainables._work import SingleStage


class FirstRoundWork(SingleStage):
    """Round 0 as one step."""
