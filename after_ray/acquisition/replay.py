"""Replay: acquire what another trajectory acquired, in its order, whatever this classifier thinks of it."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, Strategy, strategies
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence


@strategies.register("replay")
@dataclass(frozen=True, config=OPTIONS)
class Replay(Strategy):
    """The utterances of a recording in its order, then those that it does not name, by rising id.

    `over` is the strategy that chose them; it names the recording and is asked for nothing. A study is
    refused where a recording is shorter than its schedule, so that what is not named is not acquired.
    """

    over: Strategy | None = None

    @property
    def needs(self) -> Set[EvidenceKind]:
        """The recorded order."""
        return frozenset({EvidenceKind.RECORDED})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        places = evidence.given(EvidenceKind.RECORDED)
        return Picked(np.argsort(places, kind="stable")[:budget].astype(np.int64))
