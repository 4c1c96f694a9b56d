"""Penalties in a frame: of seeds, each a mean over folds, paired by name."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.measures import penalties, penalties_frame, penalties_tables
from tests.analysis.curves.test_penalty import X, Y, Z
from tests.analysis.measures.frames import renamed, together, with_columns

SEEDS = (4, 0, 3, 1, 2)
SCORES = {"x": X, "y": Y, "z": Z}


def o12(row) -> float:
    """The scores of the oracle as means over two folds."""
    score = SCORES[row.strategy][0 if row.percent == 1 else 1][row.seed]
    return score + (0.1 if row.fold else -0.1)


def study_of(make_study, **options):
    options = {"percents": (1, 2), "folds": (0, 1), "seeds": SEEDS, "share_first": False} | options
    return with_columns(make_study(lambda *_: 0.5, strategies=("x", "y", "z"), **options).results, ua=o12)


def test_o12_in_a_frame(make_study) -> None:
    (found,), refused = penalties(study_of(make_study), "x")
    assert refused == ()
    assert (found.strategies, found.percents, found.seeds) == (("x", "y", "z"), (1, 2), 5)
    np.testing.assert_allclose(found.matrix, [[0, 0.5, 1], [0, 0, 1], [0, 0, 0]])
    frame = penalties_frame([found]).set_index(["strategy", "other"])
    assert frame.loc[("x", "y"), "beats"] == 0.5
    assert frame.loc[("y", "x"), "beats"] == 0
    assert frame.loc[("z", "x"), "beaten_by_others"] == pytest.approx(2 / 3)
    assert set(frame["scope"]) == {"conditional on these speakers"}
    (table,) = penalties_tables([found])
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["x", "0", "50", "100"],
        ["y", "0", "0", "100"],
        ["z", "0", "0", "0"],
        ["beaten by others", "0.0", "16.7", "66.7"],
    ]
    assert [cell.bold for cell in table.rows[-1]] == [False, True, False, False]
    assert "CONDITIONAL ON THESE SPEAKERS" in table.note


def test_checkpoints_double_and_end_with_the_reference(make_study) -> None:
    results = study_of(make_study, percents=(1, 2, 3, 4, 8))
    curve = {1: 0.5, 2: 0.6, 3: 0.7, 4: 0.8, 8: 0.8}
    (found,), _ = penalties(with_columns(results, ua=lambda row: curve[int(row.percent)]), "x")
    assert found.percents == (1, 2, 4)
    assert not found.matrix.any(), "equal strategies do not beat each other"


def test_a_strategy_with_missing_cells_is_left_out_and_named(make_study) -> None:
    results = study_of(make_study, left_out=lambda *cell: cell == ("z", 2, 1, 3))
    (found,), _ = penalties(results, "x")
    assert (found.strategies, found.left_out) == (("x", "y"), ("z",))
    assert "Left out, with missing cells or other ratios: z." in penalties_tables([found])[0].note


@pytest.mark.parametrize(
    ("options", "reference", "reason"),
    [
        ({"seeds": (0,)}, "x", "with a single seed there is nothing to pair"),
        ({}, "random", "their checkpoints are those of random, which was not run with them"),
        (
            {"left_out": lambda *cell: cell == ("x", 1, 0, 0)},
            "x",
            "their checkpoints are those of x, of which cells are missing",
        ),
        (
            {"left_out": lambda name, *cell: name != "x" and cell == (2, 0, 0)},
            "x",
            "no strategy but x has all cells of its ratios",
        ),
    ],
)
def test_what_cannot_be_compared_has_a_sentence(make_study, options, reference, reason) -> None:
    found, (sentence,) = penalties(study_of(make_study, **options), reference)
    assert found == []
    assert sentence.endswith(f": {reason}.")
    assert "functionals on emodb" in sentence


def test_a_single_strategy_needs_no_sentence(make_study) -> None:
    assert penalties(make_study(lambda *_: 0.5, strategies=("x",)).results, "x") == ([], ())


def test_groups_are_compared_within_and_many_of_them_shown_in_one_table(make_study) -> None:
    cells = study_of(make_study)
    swapped = with_columns(cells, ua=lambda row: 1 - row.ua)
    results = together(cells, renamed(swapped, initialization="clustering"), renamed(cells, method="glam"))
    found, _ = penalties(results, "x")
    assert [(one.group.method, one.group.initialization) for one in found] == [
        ("functionals", "random"),
        ("functionals", "clustering"),
        ("glam", "random"),
    ]
    assert found[1].percents == (1,), "its reference falls: it is as good as at its end from the start"
    np.testing.assert_allclose(found[1].beaten, [2 / 3, 1 / 3, 0], atol=1e-12)
    (table,) = penalties_tables(found)
    assert table.columns == (
        "", "functionals, random init.", "functionals, clustering init.", "glam, random init.",
    )  # fmt: skip
    assert [cell.text for cell in table.rows[0]] == ["x", "0.0", "66.7", "0.0"]
    assert len(penalties_tables(found[:2])) == 2
