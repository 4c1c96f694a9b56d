"""The selection of AFTER's published code, which does not take the highest scores; for forensic studies."""

from __future__ import annotations

import numpy as np
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, strategies
from after_ray.acquisition._evidence import PoolEvidence
from after_ray.acquisition._wrapper import Judged, Wrapper


@strategies.register("official_argpartition")
@dataclass(frozen=True, config=OPTIONS)
class OfficialArgpartition(Wrapper):
    """The last k of `argpartition` around the k-th lowest score: an arbitrary part of all but the k lowest.

    The official call, in `run_downstream_custom_multiple_fold.py`, has the pivot k where -k was meant. Of
    N = 4308 distinct scores and k = 215, about an eighth of what is picked is among the 215 highest. What it
    picks depends on numpy's version, which may have other code for another processor; numpy sorts short
    arrays (to 256 scores in 2.4) completely, so that small pools hide the mistake.

    Picks come in the order of the pool, in which the official code appends them to what is trained on. The
    whole pool, for which the official call fails, is taken as it is. A strategy without scores picks for
    itself.
    """

    def pick(
        self, judged: Judged, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> Picked:
        """`budget` of the judged, in the order of the pool."""
        if budget in (0, evidence.size) or judged.scores is None:
            return judged.at(np.arange(budget))
        return judged.at(np.sort(np.argpartition(judged.scores, budget)[-budget:]))
