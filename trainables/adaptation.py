"""A trial that adapts one backbone to one train part, shared by every trajectory that needs it."""

from __future__ import annotations

from trainables._work import SingleStage


class AdaptationWork(SingleStage):
    """Task-adaptive pre-training as one step."""
