"""A report says how often its tests err in studies of its design."""

import dataclasses

from analysis.false_positives import Design
from analysis.report import write_report
from analysis.report.trust import calibrated, trust_frame, trust_tables
from analysis.study import StudyInfo
from tests.analysis.pages import text_of

DESIGN = Design(folds=3, seeds=2, cut=3, utterances=20)


def test_equal_designs_are_simulated_once_and_give_the_same_rates():
    found = calibrated({"a": DESIGN, "b": DESIGN, "c": dataclasses.replace(DESIGN, seeds=3)}, 20, seed=1)
    assert found["a"] is found["b"]
    assert found["a"] == calibrated({"a": DESIGN}, 20, seed=1)["a"]
    assert found["c"].design.seeds == 3


def test_nothing_is_simulated_where_nothing_was_asked_for_or_nothing_is_left_to_train_on():
    assert calibrated({"a": DESIGN}, 0, seed=1) == {}
    assert calibrated({"a": dataclasses.replace(DESIGN, cut=1, folds=1)}, 20, seed=1) == {}


def test_both_worlds_of_every_test_are_in_the_table_and_in_the_file():
    found = calibrated({"emodb": DESIGN}, 40, seed=1)
    (table,) = trust_tables(found)
    assert table.title == "False positives on emodb"
    assert table.rows[0][0].text == "both primary tests"
    assert all(len(row) == 3 for row in table.rows)
    assert "of 40 simulated studies of 3 folds × 2 seeds" in table.note
    frame = trust_frame(found)
    assert set(frame["world"]) == {"additive", "learners"}
    ranks = [row[0].text for row in table.rows if "4 methods" in row[0].text]
    assert len(ranks) == 2
    assert len(frame) == 2 * (len(table.rows) - len(ranks)) + len(ranks)


def test_a_rate_above_5_percent_beyond_doubt_is_bold():
    (table,) = trust_tables(
        calibrated({"emodb": dataclasses.replace(DESIGN, seeds=10, folds=3)}, 200, seed=1)
    )
    seeds = next(row for row in table.rows if row[0].text == "t on seed means")
    pair = table.rows[0]
    assert seeds[2].bold
    assert not pair[2].bold


def test_the_page_has_the_rates_or_no_such_section(make_study, tmp_path):
    results = make_study(lambda *_: 0.5).results
    study = StudyInfo(name="x", designs={"emodb": DESIGN})
    text = text_of(write_report(study, results, tmp_path / "a", simulations=20).page)
    assert "How far to trust the tests" in text
    assert "simulated in 20 studies of this design" in text
    without = text_of(write_report(study, results, tmp_path / "b", simulations=0).page)
    assert "trust the tests" not in without.lower()
    assert "Trust in the tests" not in without
