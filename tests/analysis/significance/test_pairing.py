"""Pairs by key, refuses what has no partner."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AmbiguousSelection, EmptySelection, RaggedTable
from analysis.significance import paired, paired_scores


def table(**rows):
    """Rows of (fold, seed, ua) per strategy."""
    return pd.DataFrame(
        [
            {"strategy": name, "percent": 5.0, "fold": fold, "seed": seed, "ua": ua}
            for name, values in rows.items()
            for fold, seed, ua in values
        ]
    )


def test_pairs_by_fold_and_seed_and_never_by_position():
    frame = table(
        a=[(0, 0, 0.1), (0, 1, 0.2), (1, 0, 0.3), (1, 1, 0.4)],
        b=[(1, 1, 0.4), (1, 0, 0.3), (0, 1, 0.1), (0, 0, 0.0)],
    )
    result = paired(frame, {"strategy": "a"}, {"strategy": "b"})
    np.testing.assert_allclose(result, [[0.1, 0.0], [0.1, 0.0]], atol=1e-12)


def test_refuses_a_ragged_table_and_names_the_hole():
    frame = table(a=[(0, 0, 0.1), (1, 0, 0.2)], b=[(0, 0, 0.1)])
    with pytest.raises(RaggedTable, match=r"strategy b: 1 of 2 cells .* \(fold 1 seed 0\)"):
        paired(frame, {"strategy": "a"}, {"strategy": "b"})


def test_a_score_that_is_not_a_number_is_a_hole():
    frame = table(a=[(0, 0, 0.1), (1, 0, 0.2)], b=[(0, 0, 0.1), (1, 0, float("nan"))])
    with pytest.raises(RaggedTable):
        paired(frame, {"strategy": "a"}, {"strategy": "b"})


def test_refuses_a_selection_that_leaves_several_cells_per_pair():
    frame = pd.concat([table(a=[(0, 0, 0.1)]), table(a=[(0, 0, 0.2)]).assign(percent=10.0)])
    with pytest.raises(AmbiguousSelection, match="they differ in percent"):
        paired(frame, {"strategy": "a"}, {"strategy": "a"})


def test_refuses_a_selection_of_nothing():
    with pytest.raises(EmptySelection, match="strategy c"):
        paired(table(a=[(0, 0, 0.1)]), {"strategy": "a"}, {"strategy": "c"})


def test_scores_are_laid_out_seeds_by_folds():
    frame = table(
        a=[(0, 7, 0.1), (1, 7, 0.2), (2, 7, 0.3), (0, 9, 0.4), (1, 9, 0.5), (2, 9, 0.6)],
        b=[(fold, seed, 0.0) for seed in (9, 7) for fold in (2, 1, 0)],
    )
    left, right = paired_scores(frame, {"strategy": "a"}, {"strategy": "b"})
    np.testing.assert_allclose(left, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    assert right.shape == (2, 3)
