"""Clusters of hidden frames: as many as there are frames for, the same for equal seeds."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from after_ray.adaptation import _labels
from after_ray.adaptation.pseudo_tapt._codebooks import affordable, codebook_labels
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree


def hidden(frames: int = 600) -> Ragged:
    """Clips of 60 frames around five centres."""
    generator = np.random.default_rng(0)
    centres = 4 * generator.standard_normal((5, 8))
    values = centres[generator.integers(5, size=frames)] + 0.1 * generator.standard_normal((frames, 8))
    return Ragged(values.astype(np.float32), np.arange(0, frames + 1, 60))


@pytest.mark.parametrize(
    ("clusters", "frames", "found"),
    [(64, 1_000_000, 64), (4_096, 163_840, 4_096), (4_096, 163_839, 4_095), (512, 12_000, 300), (64, 30, 2)],
)
def test_a_cluster_needs_forty_frames(clusters: int, frames: int, found: int) -> None:
    assert affordable(clusters, frames) == found


def test_frames_of_one_centre_have_one_label_which_is_the_nearest() -> None:
    given = hidden()
    labels = codebook_labels(given, 5, SeedTree(0), "cpu")
    assert labels.shape == (600,)
    assert labels.dtype == np.int16
    assert set(labels.tolist()) == set(range(5))
    means = np.stack([given.values[labels == label].mean(axis=0) for label in range(5)])
    distances = ((given.values[:, None] - means) ** 2).sum(axis=2)
    assert np.array_equal(distances.argmin(axis=1), labels)


def test_equal_seeds_give_equal_labels() -> None:
    first, again, other = (codebook_labels(hidden(), 12, SeedTree(seed), "cpu") for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_k_means_runs_on_one_thread_for_twenty_epochs_from_one_start(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    class Watched(_labels.MiniBatchKMeans):  # type: ignore[misc]
        def fit(self, *arguments: object) -> object:
            seen.append({pool["num_threads"] for pool in threadpool_info()})
            seen.append((self.max_iter, self.n_init))
            assert np.array_equal(arguments[0], hidden().values), "every frame is fitted on"  # type: ignore[arg-type]
            return super().fit(*arguments)

    monkeypatch.setattr(_labels, "MiniBatchKMeans", Watched)
    codebook_labels(hidden(), 3, SeedTree(0), "cpu")
    assert seen == [{1}, (20, 1)]
