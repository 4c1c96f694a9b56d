"""Pairs whose two sides were computed on unlike devices are counted, at each ratio, and named."""

from analysis.comparisons import compare
from analysis.contrasts import Contrasts
from analysis.devices import Unlike, unlike_in_words
from analysis.report.facts import warnings
from analysis.study import StudyInfo
from analysis.tables import comparison_frame, comparison_table

STRATEGIES = Contrasts("strategies", "strategy", "random")


def score(strategy, percent, fold, seed):
    return 0.4 + 0.05 * fold + 0.02 * seed + (0.1 if strategy == "entropy" and percent > 1 else 0.0)


def results_on(make_study, device_of):
    """The study with its rounds on these devices."""
    results = make_study(score).results
    rows = results.frame.to_dict("records")
    results.frame["device_name"] = [device_of(row) for row in rows]
    return results


def counts(results):
    return {one.percent: one.devices for one in compare(results, STRATEGIES)}


def test_one_device_for_all_flags_nothing(make_study):
    results = results_on(make_study, lambda row: "A100")
    assert counts(results) == {5: Unlike(0, 6), 10: Unlike(0, 6)}
    assert "unlike devices" not in comparison_table(compare(results, STRATEGIES), "x").note


def test_pairs_on_one_model_each_flag_nothing(make_study):
    results = results_on(make_study, lambda row: f"of fold {row['fold']}")
    assert counts(results) == {5: Unlike(0, 6), 10: Unlike(0, 6)}


def test_a_side_on_another_model_is_counted_by_pairs(make_study):
    def device(row):
        return "T4" if (row["strategy"], row["fold"], row["percent"]) == ("entropy", 1, 10) else "A100"

    assert counts(results_on(make_study, device)) == {5: Unlike(0, 6), 10: Unlike(2, 6)}


def test_a_trajectory_that_changed_its_model_on_the_way_stays_unlike(make_study):
    def device(row):
        return "T4" if (row["strategy"], row["seed"], row["percent"]) == ("random", 0, 5) else "A100"

    assert counts(results_on(make_study, device)) == {5: Unlike(3, 6), 10: Unlike(3, 6)}


def test_processors_and_what_was_not_recorded_count_too(make_study):
    def device(row):
        return None if (row["strategy"], row["fold"]) == ("entropy", 0) else "cpu x"

    assert counts(results_on(make_study, device))[10] == Unlike(2, 6)


def test_the_table_names_them_in_one_sentence_and_the_warnings_count_them(make_study):
    results = results_on(
        make_study, lambda row: "T4" if (row["strategy"], row["percent"]) == ("entropy", 10) else "A100"
    )
    found = compare(results, STRATEGIES)
    table = comparison_table(found, "x")
    assert "in 6 of 6 pairs (entropy, 10 %)." in table.note
    assert [row[0].mark for row in table.rows] == ["", "‡"]
    assert list(comparison_frame(found)["pairs_on_unlike_devices"]) == [0, 6]
    (warning,) = [one for one in warnings(results, StudyInfo("s", {}), found) if "unlike devices" in one]
    assert warning.startswith("1 of 2 comparisons holds pairs of the same fold and seed")
    assert "(at most 6 of 6 pairs of one)" in warning


def test_comparisons_with_equal_counts_are_named_together():
    told = unlike_in_words({"a": Unlike(1, 6), "b": Unlike(0, 6), "c": Unlike(1, 6), "d": Unlike(2, 6)})
    assert told.endswith("in 1 of 6 pairs (a; c), 2 of 6 pairs (d).")
    assert unlike_in_words({"b": Unlike(0, 6)}) == ""
