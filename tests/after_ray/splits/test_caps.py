"""A capped validation set grows with the labelled set and always has the classes of the whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from after_ray.splits.caps import capped, validation_order
from after_ray.splits.parts import Fold

SHARES = {
    "balanced": [0.25, 0.25, 0.25, 0.25],
    "skewed": [0.6, 0.25, 0.1, 0.05],
    "seven": [0.24, 0.09, 0.13, 0.13, 0.15, 0.15, 0.11],
}


def made(shares: list[float], index: int = 0, count: int = 60) -> tuple[Fold, np.ndarray]:
    """A fold whose validation part holds classes in about these shares, spread over the corpus."""
    generator = np.random.default_rng(3)
    labels = generator.choice(len(shares), p=shares, size=3 * count).astype(np.int64)
    rows = generator.permutation(3 * count)
    validation, train, test = (np.sort(part) for part in np.split(rows, [count, 2 * count]))
    return Fold(index, train, validation, test), labels


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
def test_the_order_holds_every_validation_row_once(shares: list[float]) -> None:
    fold, labels = made(shares)
    np.testing.assert_array_equal(np.sort(validation_order(fold, labels)), fold.validation)


def test_sets_are_nested_and_as_large_as_the_labelled_or_all() -> None:
    fold, labels = made(SHARES["skewed"])
    order = validation_order(fold, labels)
    sets = [capped(order, labelled) for labelled in range(1, 80)]
    assert [len(rows) for rows in sets] == [min(labelled, 60) for labelled in range(1, 80)]
    for smaller, larger in itertools.pairwise(sets):
        assert set(smaller.tolist()) <= set(larger.tolist())
        assert (np.diff(larger) > 0).all(), "rows shall be ascending, as in the fold"
    np.testing.assert_array_equal(sets[-1], fold.validation)


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
def test_every_beginning_has_the_classes_of_the_whole(shares: list[float]) -> None:
    for index in range(20):
        fold, labels = made(shares, index)
        order = validation_order(fold, labels)
        whole = np.bincount(labels[fold.validation], minlength=len(shares))
        for size in range(1, len(order) + 1):
            counts = np.bincount(labels[order[:size]], minlength=len(shares))
            assert np.abs(counts - whole * size / len(order)).max() < 1, f"{size} of fold {index}: {counts}"


def test_the_order_is_a_property_of_the_fold() -> None:
    fold, labels = made(SHARES["skewed"])
    order = validation_order(fold, labels)
    np.testing.assert_array_equal(order, validation_order(fold, labels))
    shuffled = Fold(0, fold.train, fold.validation[::-1].copy(), fold.test)
    np.testing.assert_array_equal(order, validation_order(shuffled, labels))
    other, _ = made(SHARES["skewed"], index=1)
    assert not np.array_equal(order, validation_order(other, labels))


def test_classes_of_one_size_come_first_in_some_folds_each() -> None:
    labels = np.arange(12) % 3
    firsts = set()
    for index in range(30):
        fold = Fold(index, np.array([], dtype=np.int64), np.arange(12), np.array([], dtype=np.int64))
        firsts.add(int(labels[validation_order(fold, labels)[0]]))
    assert firsts == {0, 1, 2}


def test_labels_outside_validation_do_not_matter() -> None:
    fold, labels = made(SHARES["seven"])
    changed = labels.copy()
    changed[np.concatenate([fold.train, fold.test])] = 0
    np.testing.assert_array_equal(validation_order(fold, labels), validation_order(fold, changed))
