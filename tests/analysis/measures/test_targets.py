"""Labels to a target in a frame: per fold, over seeds, censored on both sides, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.measures import targets_frame, targets_tables, without_full_data
from tests.analysis.measures.frames import renamed, together, with_columns, without

PERCENTS = (5, 10, 20)  # 20, 40 and 80 labels of 400


def curve(**by_strategy):
    """The same curve in every fold and seed."""
    return lambda row: by_strategy[row.strategy][PERCENTS.index(int(row.percent))]


def targets_of(results, *targets, reference="random"):
    return targets_frame(results, reference, targets, np.random.default_rng(0))


def row_of(frame, strategy, cost="labelled", target=None):
    chosen = (frame["strategy"] == strategy) & (frame["cost"] == cost)
    if target is not None:
        chosen &= frame["target"] == target
    (row,) = frame[chosen].to_dict("records")
    return row


def study_of(make_study, of, **options):
    options = {"percents": PERCENTS, "share_first": False} | options
    return with_columns(make_study(lambda *_: 0.5, **options).results, ua=of)


def test_all_costs_of_a_target(make_study) -> None:
    of = curve(random=[0.5, 0.6, 0.7], entropy=[0.5, 0.7, 0.8])
    results = study_of(make_study, of)
    frame = targets_of(results, 0.6)
    assert set(frame["cost"]) == {
        "labelled",
        "labelled_and_validation",
        "percent_of_train",
        "charged_seconds",
    }
    assert row_of(frame, "random")["median"] == pytest.approx(40)
    found = {cost: row_of(frame, "entropy", cost) for cost in frame["cost"].unique()}
    assert found["labelled"]["median"] == pytest.approx(30)
    assert found["labelled_and_validation"]["median"] == pytest.approx(70), "40 validation utterances"
    assert found["percent_of_train"]["median"] == pytest.approx(7.5)
    assert found["charged_seconds"]["median"] == pytest.approx(35), "features 20 s, rounds 10 s each"
    assert found["labelled"]["target_score"] == 0.6
    assert (found["labelled"]["ratio"], found["labelled"]["ratio_is"]) == (pytest.approx(0.75), "exact")
    assert found["charged_seconds"]["ratio"] == pytest.approx(35 / 40)
    assert np.isnan(row_of(frame, "random")["ratio"])


def test_validation_labels_that_were_used_are_what_is_paid(make_study) -> None:
    results = study_of(make_study, curve(random=[0.5, 0.6, 0.7], entropy=[0.5, 0.7, 0.8]))
    capped = with_columns(results, validation_used=lambda row: min(row.labelled, 30))
    found = row_of(targets_of(capped, 0.6), "entropy", "labelled_and_validation")
    assert found["median"] == pytest.approx(30 + 25)


def test_the_median_over_folds_of_seed_mean_curves(make_study) -> None:
    """Fold 0 reaches 0.6 with 20, fold 1 with 40, fold 2 with 80; no seed alone does so there."""

    def of(row):
        scores = {0: [0.6, 0.7, 0.8], 1: [0.5, 0.6, 0.7], 2: [0.4, 0.5, 0.6]}[row.fold]
        return scores[PERCENTS.index(int(row.percent))] + (0.05 if row.seed else -0.05)

    found = row_of(targets_of(study_of(make_study, of), 0.6), "entropy")
    assert found["median"] == pytest.approx(40)
    assert (found["folds_reached"], found["folds"], found["reached"]) == (3, 3, "yes")
    assert found["low"] < 40 < found["high"]


def test_what_is_not_reached_is_censored(make_study) -> None:
    of = curve(random=[0.5, 0.55, 0.58], entropy=[0.5, 0.7, 0.8])
    frame = targets_of(study_of(make_study, of), 0.6)
    never = row_of(frame, "random")
    assert never["median"] == never["high"] == np.inf
    assert (never["reached"], never["folds_reached"], never["last"]) == ("no", 0, 80)
    other = row_of(frame, "entropy")
    assert (other["ratio"], other["ratio_is"]) == (pytest.approx(30 / 80), "at most")
    backwards = row_of(targets_of(study_of(make_study, of), 0.6, reference="entropy"), "random")
    assert (backwards["ratio"], backwards["ratio_is"]) == (pytest.approx(80 / 30), "at least")
    (table,) = targets_tables(frame)
    rows = {row[0].text: [cell.text for cell in row] for row in table.rows}
    assert rows["random"][2:7] == [
        "not reached (more than 80)", "—", "more than 20.0", "more than 120", "more than 50 s",
    ]  # fmt: skip
    assert rows["entropy"][7:] == ["≤ 0.38", "3 of 3"]
    assert table.title == "Labels to reach UA 60 %"


def test_a_bound_on_what_is_not_reached_counts_the_folds_that_reach_it(make_study) -> None:
    """Entropy reaches 0.6 with 30 labels in two folds, and not with 80 in the other two."""

    def of(row):
        flat = row.strategy == "entropy" and row.fold > 1
        return ([0.5, 0.5, 0.5] if flat else [0.5, 0.7, 0.8])[PERCENTS.index(int(row.percent))]

    frame = targets_of(study_of(make_study, of, folds=(0, 1, 2, 3)), 0.6)
    found = row_of(frame, "entropy")
    assert (found["median"], found["last"], found["folds_reached"]) == (np.inf, 80, 2)
    assert found["at_least"] == pytest.approx((30 + 80) / 2)
    assert (found["ratio"], found["ratio_is"]) == (pytest.approx(55 / 30), "at least")
    (table,) = targets_tables(frame)
    assert [cell.text for cell in table.rows[1]][2:8] == [
        "not reached (more than 55)", "—", "more than 13.8", "more than 95", "more than 42 s", "≥ 1.83",
    ]  # fmt: skip


def test_what_is_not_reached_sorts_after_all_costs_and_what_nobody_knows_has_no_number(make_study) -> None:
    of = curve(random=[0.5, 0.55, 0.58], entropy=[0.5, 0.7, 0.8])
    results = without(study_of(make_study, of), "charged_seconds")
    (table,) = targets_tables(targets_of(results, 0.6))
    never, reached = ([row[place].value for place in (2, 4, 5, 6)] for row in table.rows)
    assert never == [np.inf, np.inf, np.inf, None]
    assert reached == [pytest.approx(30), pytest.approx(7.5), pytest.approx(70), None]


def test_an_interval_that_is_open_above_says_what_the_other_folds_add(make_study) -> None:
    """Fold 0 reaches 0.6 with 30 labels; fold 1 does with one of its seeds, and a draw may lack that one."""

    def of(row):
        lucky = row.fold == 0 or row.seed == 0
        return ([0.5, 0.7, 0.8] if lucky else [0.5, 0.5, 0.5])[PERCENTS.index(int(row.percent))]

    frame = targets_of(study_of(make_study, of, folds=(0, 1)), 0.6)
    assert row_of(frame, "entropy")["high_at_least"] == pytest.approx((30 + 80) / 2)
    (table,) = targets_tables(frame)
    assert [row[3].text for row in table.rows] == ["30 to more than 55"] * 2


def test_a_curve_that_begins_above_the_target_reached_it_nobody_knows_when(make_study) -> None:
    of = curve(random=[0.5, 0.6, 0.7], entropy=[0.65, 0.7, 0.8])
    frame = targets_of(study_of(make_study, of), 0.6)
    found = row_of(frame, "entropy")
    assert (found["median"], found["reached"]) == (20, "at once")
    assert (found["ratio"], found["ratio_is"]) == (pytest.approx(0.5), "at most")
    (table,) = targets_tables(frame)
    assert table.rows[1][2].text == "≤ 20"
    low = row_of(targets_of(study_of(make_study, of), 0.4), "entropy")
    assert (low["ratio_is"], np.isnan(low["ratio"])) == ("", True), "both are below their first ratio"


def test_both_never_have_no_ratio(make_study) -> None:
    flat = curve(random=[0.5, 0.5, 0.5], entropy=[0.5, 0.5, 0.5])
    found = row_of(targets_of(study_of(make_study, flat), 0.6), "entropy")
    assert (found["ratio_is"], np.isnan(found["ratio"])) == ("", True)


def full_data_study(make_study):
    """Everything labelled: 0.8 in fold 0, 0.6 in fold 1, whatever the strategy."""

    def of(row):
        top = 0.8 if row.fold == 0 else 0.6
        return top * {1: 0.5, 50: 0.9, 100: 1.0}[int(row.percent)]

    options = {"percents": (1, 50, 100), "folds": (0, 1), "share_first": False}
    return study_of(make_study, of, **options)


def test_the_target_of_a_fold_is_a_share_of_its_own_full_data_model(make_study) -> None:
    results = full_data_study(make_study)
    frame = targets_of(results)
    assert frame["target"].unique().tolist() == ["95 % of the full-data model"]
    found = row_of(frame, "entropy")
    assert found["target_score"] == pytest.approx(0.95 * 0.7)
    assert found["median"] == pytest.approx(300), "half way from 200 to 400 labels in both folds"
    assert found["target_from"] == "the mean of all cells of this method and adaptation at 100 %"
    (table,) = targets_tables(frame)
    assert "the mean of all cells of this method and adaptation at 100 %" in table.note
    assert without_full_data(results) == ()


def test_training_on_all_labels_at_once_comes_before_ends_of_trajectories(make_study) -> None:
    single = study_of(
        make_study, lambda row: 0.5, strategies=("none",), percents=(100,), folds=(0, 1), share_first=False
    )
    frame = targets_of(together(full_data_study(make_study), single))
    found = row_of(frame, "entropy")
    assert found["target_score"] == pytest.approx(0.95 * 0.5)
    assert found["target_from"] == "one trained on all labels at once"
    assert "none" not in set(frame["strategy"]), "a single ratio has no curve"
    other = renamed(single, adaptation="tapt")
    found = row_of(targets_of(together(full_data_study(make_study), other)), "entropy")
    assert found["target_score"] == pytest.approx(0.95 * 0.7), "that model was another"


def at_once(make_study, **options):
    """Trained on all labels at once: 0.5 in both folds of `full_data_study`."""
    options = {"strategies": ("none",), "percents": (100,), "folds": (0, 1)} | options
    return study_of(make_study, lambda row: 0.5, **options)


def test_ends_of_trajectories_stand_in_where_training_at_once_lacks_a_fold(make_study) -> None:
    lacks = at_once(make_study, left_out=lambda name, percent, fold, seed: fold == 1)
    results = together(full_data_study(make_study), lacks)
    frame = targets_of(results)
    found = row_of(frame, "entropy")
    assert found["target_score"] == pytest.approx(0.95 * 0.7)
    assert (found["folds"], found["folds_reached"]) == (2, 2)
    (table,) = targets_tables(frame)
    assert (
        "Full-data model: the mean of all cells of this method and adaptation at 100 %, since training on "
        "all labels at once is finished on 1 of 2 folds." in table.note
    )
    assert without_full_data(results) == ()


def test_ends_of_trajectories_stand_in_where_training_at_once_has_not_begun(make_study) -> None:
    results = together(full_data_study(make_study), at_once(make_study, left_out=lambda *_: True))
    found = row_of(targets_of(results), "entropy")
    assert found["target_score"] == pytest.approx(0.95 * 0.7)
    assert found["target_from"].endswith("since training on all labels at once is finished on 0 of 2 folds")
    assert without_full_data(results) == ()


def test_a_full_data_model_that_lacks_a_fold_is_no_target_and_a_sentence_says_so(make_study) -> None:
    curves = study_of(make_study, curve(random=[0.5, 0.6, 0.7], entropy=[0.5, 0.7, 0.8]))
    lacks = at_once(make_study, folds=(0, 1, 2), left_out=lambda name, percent, fold, seed: fold > 0)
    results = together(curves, lacks)
    assert targets_of(results).empty
    assert without_full_data(results) == (
        "Labels to reach 95 % of the full-data model are not given for functionals on emodb with adaptation "
        "none: training on all labels at once is finished on 1 of 3 folds.",
    )


def test_a_full_data_model_that_lacks_a_seed_says_of_how_many_cells_it_is(make_study) -> None:
    lacks = at_once(make_study, left_out=lambda name, percent, fold, seed: (fold, seed) == (1, 0))
    found = row_of(targets_of(together(full_data_study(make_study), lacks)), "entropy")
    assert (found["target_score"], found["folds"]) == (pytest.approx(0.95 * 0.5), 2)
    assert found["target_from"] == "one trained on all labels at once (3 of 4 cells finished)"


def test_no_finished_curve_is_a_sentence_where_a_cell_is_finished(make_study) -> None:
    begun = study_of(
        make_study,
        lambda row: 0.5,
        left_out=lambda name, percent, fold, seed: (name, percent, fold, seed) != ("entropy", 5, 0, 0),
    )
    (sentence,) = without_full_data(together(begun, at_once(make_study)))
    assert sentence.endswith("no learning curve of it is finished on any fold.")


def test_without_any_full_data_there_is_a_sentence(make_study) -> None:
    results = study_of(make_study, curve(random=[0.5, 0.6, 0.7], entropy=[0.5, 0.7, 0.8]))
    assert targets_of(results).empty
    assert targets_tables(targets_of(results)) == ()
    (sentence,) = without_full_data(together(results, renamed(full_data_study(make_study), method="glam")))
    assert sentence == (
        "Labels to reach 95 % of the full-data model are not given for functionals on emodb with adaptation "
        "none: nothing of it is trained on all labels."
    )


def test_trajectories_with_missing_cells_are_left_out_and_folds_without_a_target_too(make_study) -> None:
    study = make_study(
        lambda *_: 0.5,
        percents=(50, 100),
        folds=(0, 1, 2),
        left_out=lambda name, percent, fold, seed: (
            (fold == 1 and percent == 100) or (name, fold, seed) == ("entropy", 0, 0)
        ),
        share_first=False,
    )
    results = with_columns(study.results, ua=lambda row: 0.5 if row.percent == 50 else 0.9 + row.seed)
    frame = targets_of(results)
    found = row_of(frame, "entropy")
    assert (found["folds"], found["trajectories"], found["trajectories_planned"]) == (2, 3, 6)
    (table,) = targets_tables(frame)
    assert table.rows[1][0].text == "entropy *"
    assert "trajectories with missing cells are left out" in table.note


def test_one_seed_has_no_interval(make_study) -> None:
    of = curve(random=[0.5, 0.6, 0.7], entropy=[0.5, 0.7, 0.8])
    frame = targets_of(study_of(make_study, of, seeds=(0,)), 0.6)
    assert frame[["low", "high"]].isna().all(axis=None)
    assert [row[3].text for row in targets_tables(frame)[0].rows] == ["—", "—"]


def test_seconds_that_nobody_knows_are_a_dash(make_study) -> None:
    of = curve(random=[0.5, 0.55, 0.58], entropy=[0.5, 0.7, 0.8])
    frame = targets_of(without(study_of(make_study, of), "charged_seconds"), 0.6)
    (table,) = targets_tables(frame)
    assert [row[6].text for row in table.rows] == ["—", "—"]
    assert row_of(frame, "entropy", "charged_seconds")["ratio_is"] == ""
