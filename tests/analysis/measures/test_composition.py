"""Labelled sets against what they were chosen from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.measures import composition, composition_table
from tests.analysis.measures.frames import renamed, together, with_columns, without

TRAIN = {
    "emotion": {"anger": 100, "happiness": 100, "neutral": 200},
    "gender": {"female": 200, "male": 200},
    "speaker": {"s1": 100, "s2": 100, "s3": 200},
    "corpus": {"emodb": 400},
}


def labelled(row) -> dict[str, dict[str, int]]:
    """Entropy picks men and anger only, and no one but s1; random picks as train is."""
    n = int(row.labelled)
    if n == 400:
        return TRAIN
    if row.strategy == "random":
        return {
            kind: {name: n * count // 400 for name, count in counts.items()} for kind, counts in TRAIN.items()
        }
    return {"emotion": {"anger": n}, "gender": {"male": n}, "speaker": {"s1": n}, "corpus": {"emodb": n}}


def seconds(row) -> float:
    return row.labelled * (3.0 if row.strategy == "entropy" and row.labelled < 400 else 2.0)


def study_of(make_study, percents=(20, 100), left_out=lambda *_: False, **columns: Any):
    study = make_study(lambda *_: 0.5, percents=percents, share_first=False, left_out=left_out)
    columns = {"labelled_by": labelled, "labelled_seconds": seconds} | columns
    return with_columns(study.results, **columns)


def recorded(make_study, **columns: Any):
    """As records are now: they say what train is made of."""
    options = {"train_by": lambda row: TRAIN, "train_seconds": lambda row: 800.0}
    return study_of(make_study, percents=(20,), **options, **columns)


def of(frame, strategy, by, percent=20.0):
    (row,) = frame[
        (frame["strategy"] == strategy) & (frame["by"] == by) & (frame["percent"] == percent)
    ].to_dict("records")
    return row


def test_a_one_sided_set_is_seen(make_study) -> None:
    found = composition(recorded(make_study)).summary
    classes = of(found, "entropy", "class")
    assert classes["distance"] == pytest.approx(0.75), "three quarters of train are not anger"
    assert (classes["groups"], classes["groups_in_train"]) == (1, 3)
    assert (classes["entropy"], classes["largest_share"]) == (0, 1)
    assert of(found, "entropy", "gender")["distance"] == pytest.approx(0.5)
    speakers = of(found, "random", "speaker")
    assert speakers["distance"] == pytest.approx(0)
    assert speakers["largest_share"] == pytest.approx(0.5)
    assert speakers["entropy"] == pytest.approx(1.5 * np.log(2) / np.log(3))
    assert np.isnan(of(found, "random", "corpus")["entropy"]), "of a single group there is nothing to spread"


def test_long_clips_are_seen(make_study) -> None:
    found = of(composition(recorded(make_study)).summary, "entropy", "class")
    assert found["seconds_per_clip"] == pytest.approx(3)
    assert found["train_seconds_per_clip"] == pytest.approx(2)
    assert found["seconds_ratio"] == pytest.approx(1.5)


def test_shares_of_every_class_corpus_and_gender_but_not_of_every_speaker(make_study) -> None:
    shares = composition(recorded(make_study)).shares
    assert set(shares["by"]) == {"class", "corpus", "gender"}
    found = shares[(shares["strategy"] == "entropy") & (shares["by"] == "class")].set_index("group")
    assert found["share"].to_dict() == {"anger": 1, "happiness": 0, "neutral": 0}
    assert found.loc["anger", ["share", "train_share", "excess"]].tolist() == pytest.approx([1, 0.25, 0.75])


def test_means_are_over_folds_of_the_mean_over_seeds(make_study) -> None:
    """Fold 0 picks anger alone, the others none; of fold 0 a single seed is finished."""

    def by_fold(row):
        anger = 80 if row.fold == 0 else 0
        return {**labelled(row), "emotion": {"anger": anger, "neutral": 80 - anger}}

    found = composition(recorded(make_study, left_out=lambda *cell: cell[2:] == (0, 1), labelled_by=by_fold))
    chosen = (found.shares["strategy"] == "entropy") & (found.shares["group"] == "anger")
    assert found.shares.loc[chosen, "share"].tolist() == pytest.approx([1 / 3])
    assert of(found.summary, "entropy", "class")["distance"] == pytest.approx((0.75 + 2 * 0.5) / 3)


def test_train_is_read_off_a_cell_that_has_all_of_it(make_study) -> None:
    """Records of earlier versions do not count train."""
    found = composition(study_of(make_study)).summary
    assert of(found, "entropy", "class")["distance"] == pytest.approx(0.75)
    assert of(found, "entropy", "class")["seconds_ratio"] == pytest.approx(1.5)
    assert of(found, "entropy", "class", 100.0)["distance"] == pytest.approx(0)


def test_where_nobody_knows_train_shares_are_still_there(make_study) -> None:
    found = composition(study_of(make_study, percents=(20,)))
    classes = of(found.summary, "random", "class")
    assert np.isnan([classes["distance"], classes["groups_in_train"], classes["seconds_ratio"]]).all()
    assert classes["largest_share"] == pytest.approx(0.5)
    table = composition_table(found)
    assert table is not None
    rows = {row[0].text: [cell.text for cell in row] for row in table.rows}
    assert rows["entropy"][2:4] == ["—", "anger 100.0"]
    assert "simply the largest" in table.note


def test_the_table_shows_the_ratio_nearest_to_20(make_study) -> None:
    table = composition_table(composition(study_of(make_study, percents=(1, 20, 100))))
    assert table is not None
    assert table.title == "What was labelled at 20 % of train"
    assert table.columns == (
        "", "labelled", "class: off train", "most favoured class", "gender: off train",
        "most favoured gender", "speaker: off train", "largest", "length", "of train",
    )  # fmt: skip
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert rows["entropy"] == [
        "80", "75.0", "anger 100.0 (+75.0)", "50.0", "male 100.0 (+50.0)", "75.0", "100.0",
        "3.00 s", "× 1.50",
    ]  # fmt: skip
    assert "simply the largest" not in table.note


def test_corpora_of_a_merged_one_are_shown(make_study) -> None:
    halves = {"emodb": 200, "savee": 200}

    def of_two(row):
        return {**labelled(row), "corpus": {"savee": int(row.labelled)}}

    merged = recorded(make_study, labelled_by=of_two)
    merged = with_columns(merged, train_by=lambda row: {**TRAIN, "corpus": halves})
    results = together(recorded(make_study), renamed(merged, corpus="merged"))
    found = composition(results)
    assert of(found.summary[found.summary["corpus"] == "merged"], "entropy", "corpus")["distance"] == 0.5
    table = composition_table(found)
    assert table is not None
    assert "most favoured corpus" in table.columns


def test_records_that_do_not_count_have_no_composition(make_study) -> None:
    results = make_study(lambda *_: 0.5).results
    for older in (results, without(results, "labelled_by")):
        found = composition(older)
        assert found.summary.empty
        assert found.shares.empty
        assert composition_table(found) is None


def test_a_gender_that_is_not_known_has_a_name(make_study) -> None:
    unknown = recorded(make_study, labelled_by=lambda row: {**labelled(row), "gender": {"": 80}})
    unknown = with_columns(unknown, train_by=lambda row: {**TRAIN, "gender": {"": 400}})
    shares = composition(unknown).shares
    assert set(shares.loc[shares["by"] == "gender", "group"]) == {"not known"}
