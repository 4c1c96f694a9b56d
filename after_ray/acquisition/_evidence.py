"""What a strategy may ask about a pool, and what it gets."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from after_ray.acquisition._draws import HeadDraws


class EvidenceKind(enum.StrEnum):
    """What a strategy may ask for; just what is asked is computed.

    PROBABILITIES: of the classes. DROPOUT_DRAWS: class probabilities under dropout of the classifier's head.
    EMBEDDINGS: the representation that the classifier was trained to. SUMMARIES: one vector per utterance
    that no label has touched, those that the clustering initialization groups. FRAME_LOSSES: how much each
    stretch of an utterance surprises the adapted backbone. RECORDED: in which order another trajectory
    acquired the utterances.
    """

    PROBABILITIES = "log_probabilities"
    DROPOUT_DRAWS = "draws"
    EMBEDDINGS = "embeddings"
    SUMMARIES = "summaries"
    FRAME_LOSSES = "frame_losses"
    RECORDED = "recorded"


NOT_RECORDED = int(np.iinfo(np.int64).max)  # the place of an utterance that a recording does not name


@dataclass(frozen=True)
class LabelledEvidence:
    """What is known of the m utterances labelled so far: their labels, and vectors where they were asked for.

    `labels`: class indices, shape (m,). `embeddings`, `summaries`: shape (m, d), as those of the pool.
    """

    labels: NDArray[np.int64]
    embeddings: NDArray[np.float32] | None = None
    summaries: NDArray[np.float64] | None = None

    def take(self, positions: NDArray[np.int64]) -> LabelledEvidence:
        """What is known of some of them."""
        return LabelledEvidence(
            self.labels[positions],
            None if self.embeddings is None else self.embeddings[positions],
            None if self.summaries is None else self.summaries[positions],
        )

    def vectors(self, kind: EvidenceKind) -> NDArray[Any]:
        """Embeddings or summaries, shape (m, d).

        Raises:
            ValueError: when they were not asked for.
        """
        value: NDArray[Any] | None = getattr(self, kind.value)
        if value is None:
            raise ValueError(f"{kind.name.lower()} of the labelled utterances were not asked for")
        return value


NOTHING_LABELLED = LabelledEvidence(np.empty(0, dtype=np.int64))


@dataclass(frozen=True)
class PoolEvidence:
    """Evidence about the n utterances of the pool; what the strategy did not ask for is None.

    Attributes:
        size: n.
        log_probabilities: natural logarithms, float64, shape (n, classes).
        embeddings: float32, shape (n, d).
        summaries: float64, shape (n, d).
        frame_losses: nats per masked frame in equal stretches of each utterance, 0 where nothing was masked,
            float32, shape (n, stretches).
        recorded: the place of each utterance in a recorded order, the lowest first, `NOT_RECORDED` of one
            that is not in it, int64, shape (n,).
        draws: class probabilities under dropout, drawn when asked.
        labelled: what is known of the labelled utterances.
        ids: what the pool is ordered by, unique, shape (n,); None where it is in order.
    """

    size: int
    log_probabilities: NDArray[np.float64] | None = None
    embeddings: NDArray[np.float32] | None = None
    summaries: NDArray[np.float64] | None = None
    frame_losses: NDArray[np.float32] | None = None
    recorded: NDArray[np.int64] | None = None
    draws: HeadDraws | None = None
    labelled: LabelledEvidence = NOTHING_LABELLED
    ids: NDArray[Any] | None = None

    def given(self, kind: EvidenceKind) -> Any:
        """The evidence of one kind.

        Raises:
            ValueError: when the strategy did not name it among its needs.
        """
        value = getattr(self, kind.value)
        if value is None:
            raise ValueError(f"{kind.name.lower()} were not asked for: name them in the strategy's 'needs'")
        return value

    @property
    def order(self) -> NDArray[np.int64] | None:
        """Positions by rising id; None where they are in that order."""
        if self.ids is None or bool((self.ids[1:] > self.ids[:-1]).all()):
            return None
        return np.argsort(self.ids, kind="stable").astype(np.int64)

    def take(self, positions: NDArray[np.int64]) -> PoolEvidence:
        """The evidence about some of the pool, in the order of `positions`."""
        taken: dict[str, Any] = {"size": len(positions)}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, HeadDraws):
                taken[one.name] = value.take(positions)
            elif isinstance(value, np.ndarray):
                taken[one.name] = value[positions]
        return replace(self, **taken)
