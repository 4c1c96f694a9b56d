"""Settings chosen by validation, each fold for itself, beside what test scores would choose."""

import pytest

from analysis.selection import selection_frame, selection_table


def score(strategy, percent, fold, seed):
    return {"random": 0.5, "entropy": 0.6}[strategy] if percent > 1 else 0.4


@pytest.fixture
def chosen_by(make_study):
    """A study whose validation prefers random in fold 2 and entropy elsewhere, at all ratios."""
    results = make_study(score).results
    prefers = {0: "entropy", 1: "entropy", 2: "random"}
    frame = results.frame
    frame["validation_ua"] = [
        0.7 if row.strategy == prefers[row.fold] else 0.3 for row in frame.itertuples(index=False)
    ]
    return results


def test_every_fold_takes_what_its_own_validation_prefers(chosen_by):
    found = selection_frame(chosen_by)
    last = found[found["percent"] == 10].iloc[0]
    assert last["ua_selected"] == pytest.approx((0.6 + 0.6 + 0.5) / 3)
    assert last["chosen"] == "entropy (2 folds), random (1 fold)"
    assert (last["ua_best"], last["best"]) == (pytest.approx(0.6), "entropy")
    assert last["settings"] == 2


def test_the_table_says_what_choosing_by_test_scores_would_add(chosen_by):
    table = selection_table(selection_frame(chosen_by))
    assert [cell.text for cell in table.rows[-1]] == [
        "10 %",
        "entropy (2 folds), random (1 fold)",
        "56.7",
        "entropy",
        "60.0",
        "+3.3",
    ]


def test_ratios_that_lack_cells_choose_nothing(make_study):
    results = make_study(score, left_out=lambda *cell: cell == ("entropy", 10, 0, 0)).results
    assert list(selection_frame(results)["percent"]) == [5]


def test_a_single_setting_leaves_nothing_to_choose(make_study):
    assert selection_frame(make_study(score, strategies=("random",)).results).empty


def test_settings_that_are_the_same_runs_are_no_choice(make_study):
    found = selection_frame(make_study(score).results)
    assert list(found["percent"]) == [5, 10]  # round 0 is shared by both strategies
