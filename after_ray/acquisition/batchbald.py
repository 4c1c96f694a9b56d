"""BatchBALD: pick what draws of the classifier disagree about, all picks together."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, Strategy, strategies, top
from after_ray.acquisition._draws import HeadDraws
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._joint_entropy import Floats, information
from after_ray.acquisition._lazy_greedy import lazy_greedy
from after_ray.acquisition.bald import bald_scores
from after_ray.errors import UnusableScores

CANDIDATES_PER_PICK = 10
TRACED = 6  # decimals of the trace


@strategies.register("batchbald")
@dataclass(frozen=True, config=OPTIONS)
class BatchBald(Strategy):
    """Highest joint mutual information of the batch's labels and the network (Kirsch et al. 2019).

    Greedy: each pick adds most to I(y_1 ... y_b; draw), which no copy of an earlier pick does. That is at
    most log of the draws, so that after some ten picks nothing is left to gain. The batch is therefore made
    of parts of `sub_batch` picks, each with masks of its own; where no candidate adds 0.001 nat, the rest of
    a part is filled by BALD under its masks.

    `details`: `mutual_information` of each pick with those before it in its part, nats, null where BALD
    filled up, and `saturated_at`, the places in the batch where it began to. Scores are gains, and BALD where
    that filled up.

    Attributes:
        draws: of dropout in the head, for each part.
        sub_batch: picks of a part.
        candidates: each part looks at so many of the pool, the best by BALD under the first masks, and at
            most at ten times the budget; null for the whole pool.
        samples: strings of labels that joint information is computed from: all while there are no more.
    """

    draws: Annotated[int, Field(ge=2, le=10_000)] = 20
    sub_batch: Annotated[int, Field(ge=1)] = 10
    candidates: Annotated[int, Field(ge=1)] | None = 2_000
    samples: Annotated[int, Field(ge=1)] = 10_000

    @property
    def needs(self) -> Set[EvidenceKind]:
        """Draws of dropout in the head."""
        return frozenset({EvidenceKind.DROPOUT_DRAWS})

    def _select(self, evidence: PoolEvidence, budget: int, generator: np.random.Generator) -> Picked:
        draws: HeadDraws = evidence.given(EvidenceKind.DROPOUT_DRAWS)
        masks = draws.masks(self.draws, generator)
        left = self._by_bald(draws, masks)
        window = (
            evidence.size if self.candidates is None else min(self.candidates, CANDIDATES_PER_PICK * budget)
        )
        parts = []
        for start in range(0, budget, self.sub_batch):
            masks = draws.masks(self.draws, generator) if start else masks
            wanted = min(self.sub_batch, budget - start)
            looked_at = np.sort(left[: max(window, wanted)])  # equal utterances stay in the order of the pool
            part = self._part(draws.take(looked_at).log_probabilities(masks), wanted, generator)
            parts.append(replace(part, positions=looked_at[part.positions]))
            left = left[~np.isin(left, parts[-1].positions)]
        return _together(parts)

    def _by_bald(self, draws: HeadDraws, masks: Floats) -> NDArray[np.int64]:
        """The whole pool, highest BALD first."""
        scores = bald_scores(draws, masks)
        unusable = int(np.isnan(scores).sum())
        if unusable:
            raise UnusableScores(type(self).__name__, unusable, len(scores))
        return top(scores, len(scores))

    def _part(self, log_probabilities: Floats, wanted: int, generator: np.random.Generator) -> _Part:
        """Picks of one part, as places among the candidates."""
        batch = lazy_greedy(log_probabilities, wanted, self.samples, generator)
        scores = information(log_probabilities)
        scores[batch.positions] = -np.inf
        rest = top(scores, wanted - len(batch.positions))
        return _Part(np.append(batch.positions, rest), np.append(batch.gains, scores[rest]), len(rest))


@dataclass(frozen=True, config=OPTIONS)
class _Part:
    """Picks with what each was picked for; BALD filled up the last `filled`."""

    positions: NDArray[np.int64]
    scores: Floats
    filled: int

    @property
    def trace(self) -> list[float | None]:
        joint = self.scores[: len(self.scores) - self.filled].cumsum()
        return [round(one, TRACED) for one in joint.tolist()] + [None] * self.filled


def _together(parts: list[_Part]) -> Picked:
    if not parts:
        return Picked(np.empty(0, dtype=np.int64), np.empty(0))
    ends = np.cumsum([len(part.positions) for part in parts]).tolist()
    return Picked(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.scores for part in parts]),
        details={
            "mutual_information": [one for part in parts for one in part.trace],
            "saturated_at": [end - part.filled for part, end in zip(parts, ends, strict=True) if part.filled],
        },
    )
