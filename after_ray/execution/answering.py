"""What the annotators of a trajectory answer: the same to whoever asks, from its round 0 and the manifest."""

from __future__ import annotations

from after_ray.annotation import Answers, answer
from after_ray.manifest import Manifest
from after_ray.seeds import SeedTree
from after_ray.stages import FirstRoundStage


def answers_of(first: FirstRoundStage, manifest: Manifest) -> Answers:
    """The answer for every manifest row, whether it is ever asked for or not.

    Raises:
        ValueError: when votes are read and the manifest has none.
    """
    seeds, classes = SeedTree(first.seed), len(manifest.classes)
    return answer(manifest.labels, manifest.votes, classes, first.annotation, first.label_noise, seeds)
