"""A trial that computes the features of a whole corpus, shared by every trajectory that needs them."""

from __future__ import annotations

from trainables._work import SingleStage


class FeaturesWork(SingleStage):
    """Feature extraction as one step."""
