"""Neighbours are found block by block as they would be in one piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from after_ray.initialization.clustering import standardise
from after_ray.store.artifacts import save_arrays
from after_ray.store.stored_rows import StoredRows
from sweeps.selections.neighbours import nearest


@pytest.fixture
def values() -> np.ndarray:
    made = np.random.default_rng(0).normal(loc=3, size=(200, 7)) * [1, 10, 100, 1, 1, 1, 1]
    made[:, 3] = 0.1  # a constant column, whose deviation is not exactly 0
    made[50] = made[20]
    return made


@pytest.mark.parametrize("rows_of_a_block", [1, 7, 1000])
def test_blocks_change_nothing(
    values: np.ndarray, rows_of_a_block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_arrays(tmp_path / "s.safetensors", {"other": np.zeros(3), "summary": values})
    stored = StoredRows(tmp_path / "s.safetensors", "summary")
    whole = StoredRows.blocks
    monkeypatch.setattr(StoredRows, "blocks", lambda self: whole(self, rows_of_a_block * 7 * 8))
    order = np.random.default_rng(1).permutation(150)
    train, labelled = np.sort(order[:100]), order[:40]
    asked = np.setdiff1d(order[:100], labelled)[::-1].copy()
    found = nearest(stored, train, labelled, asked)
    scaled = np.zeros_like(values)
    scaled[train] = standardise(values[train])
    distances = np.linalg.norm(scaled[asked][:, None] - scaled[np.sort(labelled)], axis=2)
    np.testing.assert_array_equal(found.rows, np.sort(labelled)[distances.argmin(axis=1)])
    np.testing.assert_allclose(found.distances, distances.min(axis=1))


def test_of_equal_ones_the_lower_row_is_nearest_at_distance_0(values: np.ndarray, tmp_path: Path) -> None:
    values[70] = values[20]
    save_arrays(tmp_path / "s.safetensors", {"summary": values})
    stored = StoredRows(tmp_path / "s.safetensors", "summary")
    found = nearest(stored, np.arange(100), np.array([70, 50, 3]), np.array([20]))
    assert (found.rows[0], found.distances[0]) == (50, 0.0)
