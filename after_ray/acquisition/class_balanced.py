"""Class-balanced batches: as many utterances of each predicted class as the labelled set lacks."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from pydantic.dataclasses import dataclass

from after_ray.acquisition._base import OPTIONS, Picked, strategies
from after_ray.acquisition._evidence import EvidenceKind, PoolEvidence
from after_ray.acquisition._wrapper import Judged, Wrapper


@strategies.register("class_balanced")
@dataclass(frozen=True, config=OPTIONS)
class ClassBalanced(Wrapper):
    """The best of each predicted class, the class with the fewest utterances so far first.

    Every pick goes to the predicted class of which labelled utterances (by their labels) and picks (by their
    predictions) together are fewest, ties to the lower class; within a class the strategy's ranking decides.
    A class that nobody in the pool is predicted to be is passed over. Bengar et al. (WACV 2022) balance
    batches so by an integer program.
    """

    @property
    def needs(self) -> Set[EvidenceKind]:
        """What the strategy within needs, and class probabilities."""
        return {*self.over.needs, EvidenceKind.PROBABILITIES}

    def pick(
        self, judged: Judged, evidence: PoolEvidence, budget: int, generator: np.random.Generator
    ) -> Picked:
        """Those of the judged that fill the classes up, in that order."""
        log_probabilities = evidence.given(EvidenceKind.PROBABILITIES)
        predicted = log_probabilities[judged.positions].argmax(axis=1)
        classes = log_probabilities.shape[1]
        best_first = np.argsort(judged.ranks, kind="stable")
        queues = [best_first[predicted[best_first] == one] for one in range(classes)]
        counts = np.bincount(evidence.labelled.labels, minlength=classes)
        taken = np.zeros(classes, dtype=np.int64)
        picks = np.empty(budget, dtype=np.int64)
        for turn in range(budget):
            left = taken < [len(queue) for queue in queues]
            chosen = int(np.argmin(np.where(left, counts + taken, np.iinfo(np.int64).max)))
            picks[turn] = queues[chosen][taken[chosen]]
            taken[chosen] += 1
        return judged.at(picks)
