"""What the annotators of a trajectory answer: the same to whoever asks, from its round 0 and the manifest."""

from __future__ import annotations

import numpy as np

from after_ray.annotation import Answers, answer, of_corpus
from after_ray.manifest import Manifest
from after_ray.seeds import SeedTree
from after_ray.stages import FirstRoundStage


def answers_of(first: FirstRoundStage, manifest: Manifest) -> Answers:
    """The answer for every manifest row, whether it is ever asked for or not.

    Of people the answers that they have given: `UNKNOWN` is told of what they have not heard.

    Raises:
        ValueError: when votes are read and the manifest has none.
    """
    if first.annotation.by_people:
        return _of_people(first, manifest)
    seeds, classes = SeedTree(first.seed), len(manifest.classes)
    return answer(manifest.labels, manifest.votes, classes, first.annotation, first.label_noise, seeds)


def _of_people(first: FirstRoundStage, manifest: Manifest) -> Answers:
    labels, votes = manifest.labels, manifest.votes
    if votes is None:  # nobody has said anything yet
        return of_corpus(labels)
    targets = None
    if first.annotation.by == "soft":
        counts = votes.counts
        targets = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return Answers(labels, targets, votes.asked)
