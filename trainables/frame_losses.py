"""A trial that computes the frame losses of a train part, shared by every trajectory that asks for them."""

from __future__ import annotations

from trainables._work import SingleStage


class FrameLossesWork(SingleStage):
    """Frame losses as one step."""
