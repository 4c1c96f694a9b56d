"""A tiny world for the active-learning loop: two-dimensional utterances and a nearest-centroid classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.acquisition import HeadDraws
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import Classifier, ClassifierInputs, FitReport, Labelled
from after_ray.learning._asked import Unlabelled
from after_ray.learning._round import Validation
from after_ray.learning.active import ActiveLearner
from after_ray.seeds import SeedTree
from after_ray.splits.oracle import Evaluator, Oracle
from after_ray.splits.parts import Fold
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint
from after_ray.weights import Weights

CLASSES = 3


class NearestCentroid(Classifier):
    """Probabilities fall with the distance to a class's centroid, which moves in a drawn order."""

    def __init__(self, points: NDArray[np.float64], calls: list[str]) -> None:
        self.points = points
        self.calls = calls
        self.centroids = np.zeros((CLASSES, 2))

    @classmethod
    def build(
        cls, settings: Any, inputs: ClassifierInputs, backbone: BackboneSettings | None
    ) -> NearestCentroid:
        raise NotImplementedError("the tests make it from points")

    def fit(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        start: Weights | None,
        seeds: SeedTree,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> FitReport:
        self.calls.append("fit")
        if start is not None:
            self.load(start)
        assert (np.diff(train.rows) > 0).all(), "training rows shall be sorted"
        order = seeds.child("order").generator().permutation(len(train.rows))
        for row, label in zip(train.rows[order], train.labels[order], strict=True):
            self.centroids[label] += 0.3 * (self.points[row] - self.centroids[label])
        return FitReport(updates=len(order), epochs=1.0, validation_loss=0.0, stopped="steps")

    def log_probabilities(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        self.calls.append(f"log_probabilities {len(rows)}")
        logits = -np.linalg.norm(self.points[rows, None] - self.centroids, axis=2)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def initial(self, seeds: SeedTree) -> Weights:
        return {"centroids": np.zeros((CLASSES, 2))}

    def embeddings(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        self.calls.append(f"embeddings {len(rows)}")
        return self.points[rows].astype(np.float32)

    def head_draws(self, rows: NDArray[np.int64]) -> HeadDraws:
        self.calls.append(f"head_draws {len(rows)}")
        points, bias = self.points[rows].astype(np.float32), np.zeros(CLASSES, dtype=np.float32)
        return HeadDraws(points, self.centroids.astype(np.float32), bias, share=0.3)

    def weights(self) -> Weights:
        return {"centroids": self.centroids.copy()}

    def load(self, weights: Weights) -> None:
        self.centroids = weights["centroids"].copy()


@dataclass
class World:
    """120 utterances of three classes: 80 for training, 15 for validation, 25 for testing."""

    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    fold: Fold
    calls: list[str] = field(default_factory=list)
    read: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    @property
    def features(self) -> NDArray[np.float64]:
        return self.points[self.fold.train]

    @property
    def unlabelled(self) -> Unlabelled:
        """What strategies may ask for that no classifier gives."""
        losses = np.abs(self.features @ np.random.default_rng(1).normal(size=(2, 16)))
        recorded = np.random.default_rng(2).permutation(len(self.features))
        return Unlabelled(self.features, losses.astype(np.float32), recorded)

    def learner(self, labels: NDArray[np.int64] | None = None, seed: int = 0) -> ActiveLearner:
        """A learner as a new process would make it; `labels` replaces the true ones but for the test."""
        known = self.labels if labels is None else labels
        rows = self.fold.validation
        validation = Validation(Labelled(rows, known[rows]), Evaluator(known, rows))
        return ActiveLearner(
            make_classifier=self.make_classifier,
            fold=self.fold,
            oracle=Oracle(known, self.fold.train),
            validation=lambda labelled: validation,
            test=Evaluator(self.labels, self.fold.test),
            seeds=SeedTree(seed),
            lifted=self.lifted,
        )

    @contextmanager
    def lifted(self, *parts: str, during: str) -> Iterator[None]:
        """Notes what a step may read."""
        self.read.append((during, parts))
        yield

    @property
    def make_classifier(self) -> Callable[[], Classifier]:
        return lambda: NearestCentroid(self.points, self.calls)


@pytest.fixture
def world() -> World:
    generator = np.random.default_rng(0)
    labels = generator.integers(CLASSES, size=120)
    points = generator.normal(size=(120, 2)) + 1.5 * np.array([(0, 0), (2, 0), (0, 2)])[labels]
    rows = generator.permutation(120)
    parts = [np.sort(part) for part in np.split(rows, [80, 95])]
    return World(points, labels, Fold(0, *parts))
