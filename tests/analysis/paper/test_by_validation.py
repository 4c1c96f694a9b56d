"""AFTER with what validation chooses, beside the paper's setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from analysis._rendering import NOTHING
from analysis.paper import Board, BoardByValidation, Choice, paper_files, paper_tables, walk
from analysis.paper.board import Trained
from analysis.paper.by_validation import CHOSEN
from analysis.paper.rivals import rivals
from analysis.paper.table3 import table3, table3_comparisons
from analysis.results import Results
from analysis.study import StudyInfo
from tests.analysis.paper.cells import PAPERS, TWIN, family, flat, papers_study, results_of

AFTER = Trained("iemocap", "pooled_transformer", "tapt")
NAME = "AFTER, chosen by validation (up to 20 %)"
Prefers = Callable[[Any], float]


def in_folds(row: Any) -> float:
    """Entropy with random initialization at 5 % in folds 0 to 2, random with clustering at 20 % elsewhere."""
    wanted = ("entropy", "random", 5) if row.fold < 3 else ("random", "clustering", 20)
    return 0.9 if (row.strategy, row.initialization, row.percent) == wanted else 0.4


def with_validation(results: Results, prefers: Prefers = in_folds) -> Results:
    scores = [prefers(row) for row in results.frame.itertuples(index=False)]
    return replace(results, frame=results.frame.assign(validation_ua=scores))


def board_by(
    prefers: Prefers = in_folds,
    study: StudyInfo = PAPERS,
    lost: Callable[[dict[str, Any]], bool] = lambda row: False,
) -> BoardByValidation:
    return BoardByValidation(with_validation(results_of(*papers_study(), lost=lost), prefers), study)


def rows_of(table: Any) -> dict[str, Any]:
    return {row[0].text: row[1:] for group in table.groups for row in group.rows}


def test_every_fold_takes_what_its_own_validation_prefers() -> None:
    board = board_by()
    chosen = board.chosen(AFTER)
    assert chosen is not None
    assert chosen.point is not None
    cells = board.cells(chosen.point)
    assert len(cells) == 25
    frame = board.results.frame.query("adaptation == 'tapt'")
    first = frame.query("strategy == 'entropy' and initialization == 'random' and percent == 5 and fold < 3")
    other = frame.query(
        "strategy == 'random' and initialization == 'clustering' and percent == 20 and fold >= 3"
    )
    assert sorted(cells["key"]) == sorted([*first["key"], *other["key"]])
    expected = pd.concat([first, other]).groupby("fold")["ua"].mean().mean()
    score = board.score(chosen.point, "ua")
    assert score is not None
    assert score.mean == pytest.approx(expected)
    assert chosen.told == (
        "entropy with random initialization at 5 % (3 folds), "
        "random with clustering initialization at 20 % (2 folds)"
    )
    assert chosen.settings == 8  # four pairs of strategy and initialization at 5 and 20 %, never at 100 %


def test_test_scores_choose_nothing() -> None:
    """The highest UA on test is that of entropy with clustering; validation sees it last."""
    chosen = board_by(lambda row: -row.ua).chosen(AFTER)
    assert chosen is not None
    assert "entropy with clustering" not in chosen.told


def test_of_equals_the_first_of_the_plan_is_taken() -> None:
    chosen = board_by(lambda row: 0.5).chosen(AFTER)
    assert chosen is not None
    assert chosen.told == "random with clustering initialization at 5 % (5 folds)"


def test_the_mean_over_seeds_decides() -> None:
    def once(row: Any) -> float:
        lucky = row.strategy == "random" and row.seed == 0
        return 0.99 if lucky else {"entropy": 0.6}.get(row.strategy, 0.4)

    chosen = board_by(once).chosen(AFTER)
    assert chosen is not None
    assert "random with" not in chosen.told


def test_table_3_shows_both_and_names_what_was_chosen() -> None:
    table = table3(board_by())
    assert table is not None
    assert [row[0].text for row in table.groups[1].rows] == [
        "TAPT+FT, random, clustering init. (20 %)",
        "AFTER (20 %)",
        NAME,
    ]
    rows = rows_of(table)
    assert rows["AFTER (20 %)"][0].text == "75.00"
    assert float(rows[NAME][0].text) == pytest.approx(100 * (3 * 0.68 + 2 * 0.70) / 5, abs=0.2)
    assert rows[NAME][1].text == NOTHING, "the paper prints nothing of the kind"
    notes = " ".join(table.notes)
    assert f"{NAME}, iemocap: every fold takes of 8 settings the one with the highest UA on its own" in notes
    assert "entropy with random initialization at 5 % (3 folds), random with clustering" in notes
    assert set(table3_comparisons(board_by())["candidate"]) == {"AFTER (20 %)", NAME}


def test_daggers_run_over_both_rows() -> None:
    def afters(row: Any) -> float:
        return float((row.strategy, row.initialization, row.percent) == ("entropy", "clustering", 20))

    plain = table3(Board(results_of(*papers_study()), PAPERS))
    both = table3(board_by(afters))
    assert plain is not None
    assert both is not None
    assert [rows_of(both)[name][0].mark for name in ("AFTER (20 %)", NAME)] == ["†", "†"]
    assert "Holm over the 4 daggers of this table" in " ".join(both.notes)
    lines = both.long.query("metric == 'ua' and dagger.notna()").set_index("row")
    one = plain.long.query("metric == 'ua' and dagger.notna()").iloc[0]
    assert lines.loc[NAME, "p_quasi_f"] == pytest.approx(one["p_quasi_f"]), "chosen everywhere: the same runs"
    assert lines.loc[NAME, "p_quasi_f_holm"] > one["p_quasi_f_holm"]


def test_claims_against_baselines_are_asked_of_both() -> None:
    asked = [one for one in walk(board_by()) if one.claim.id == "after-beats-baselines-ua"]
    assert [one.where for one in asked] == ["AFTER (20 %), iemocap", f"{NAME}, iemocap"]
    assert [one.answer for one in asked] == ["confirmed", "cannot tell"]
    assert {one.family_size for one in asked} == {4}, "UA and WA of both"
    others = {one.claim.id for one in walk(board_by()) if CHOSEN in one.where}
    assert others == {"after-beats-baselines-ua", "after-beats-baselines-wa"}


def test_nothing_else_changes() -> None:
    results = with_validation(results_of(*papers_study()))
    plain, chosen = Board(results, PAPERS), BoardByValidation(results, PAPERS)
    other = {table.name: table for table in paper_tables(chosen)}
    for table in paper_tables(plain):
        assert table.name == "table3" or table.flat() == other[table.name].flat()
    one, two = paper_files(plain), paper_files(chosen)
    assert one.keys() == two.keys()
    changed = {name.partition(".")[0] for name in one if one[name] != two[name]}
    assert {name for name in changed if "figure" not in name} == {
        "paper/table3", "paper/table3_comparisons", "paper/paper",
    }  # fmt: skip


def one_is_lost(row: dict[str, Any]) -> bool:
    axes = (
        row["adaptation"],
        row["strategy"],
        row["initialization"],
        row["percent"],
        row["fold"],
        row["seed"],
    )
    return axes == ("tapt", "random", "random", 5, 1, 0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: board_by(lost=one_is_lost), "planned cells are missing: 1"),
        (
            lambda: BoardByValidation(results_of(*papers_study()), PAPERS),
            "scores on validation are not recorded",
        ),
    ],
    ids=["missing", "unrecorded"],
)
def test_where_validation_cannot_choose_a_sentence_says_why(make: Any, reason: str) -> None:
    board = make()
    table = table3(board)
    assert table is not None
    assert NAME not in rows_of(table)
    assert f"No row {NAME} for iemocap: validation cannot choose, {reason}." in table.notes
    asked = [one for one in walk(board) if one.claim.id == "after-beats-baselines-ua"]
    assert [one.answer for one in asked] == ["confirmed", "not testable here"]
    assert reason in asked[1].reason
    assert asked[0].family_size == 4, "what was meant to be asked counts"


def test_a_single_setting_leaves_nothing_to_choose() -> None:
    cells = (
        family(flat(0.6), percents=(20, 100)),
        family(flat(0.5), strategy="none", percents=(100,), method="x"),
    )
    board = BoardByValidation(with_validation(results_of(*cells), lambda row: 0.5), TWIN)
    (found,) = rivals(board, "emodb").unchosen
    assert (found.settings, found.reason) == (1, "there is a single setting, and nothing to choose")
    table = table3(board)
    assert table is not None
    assert any("there is a single setting" in note for note in table.notes)


def test_the_same_runs_count_once_and_the_choice_says_up_to_where() -> None:
    rows = [
        row | {"key": f"{row['fold']}-{row['seed']}"} if row["percent"] == 5 else row
        for strategy in ("random", "entropy")
        for row in family(flat(0.6), strategy=strategy, percents=(5, 10, 20, 30))
    ]
    results = with_validation(results_of(rows), lambda row: row.percent)
    for percent, settings in ((20.0, 5), (10.0, 3)):
        board = BoardByValidation(results, TWIN, Choice(percent=percent))
        chosen = board.chosen(board.trained[0])
        assert chosen is not None
        assert chosen.settings == settings
        assert f"at {percent:g} % (5 folds)" in chosen.told
