"""Groups of test utterances: who is worst, by how much, and on how many utterances that rests."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.measures import gaps_frame, gaps_table, groups_frame
from tests.analysis.measures.frames import renamed, together, with_columns, without


def ua_by(row):
    """Women 0.2 above men; every fold has two speakers of its own, the second better by 0.1 with seed 1."""
    base = 0.5 + 0.1 * row.fold
    return {
        "gender": {"female": base + 0.1, "male": base - 0.1},
        "speaker": {f"s{row.fold}a": base, f"s{row.fold}b": base + 0.1 * row.seed},
    }


def counted(row):
    return {"gender": {"female": 30, "male": 10}, "speaker": {f"s{row.fold}a": 25, f"s{row.fold}b": 15}}


def study_of(make_study, **options):
    results = make_study(lambda *_: 0.5, **({"percents": (1, 20)} | options)).results
    return with_columns(results, ua_by=ua_by, test_by=counted)


def test_genders_are_means_over_folds(make_study) -> None:
    rows = groups_frame(study_of(make_study), "gender").set_index(["strategy", "percent", "group"])
    row = rows.loc[("entropy", 20, "male")]
    assert (row["ua_mean"], row["ua_sd"]) == pytest.approx((0.5, 0.1))
    assert (row["utterances"], row["folds"], row["cells"], row["planned"]) == (30, 3, 6, 6)
    assert row["worst"]
    assert not rows.loc[("entropy", 20, "female"), "worst"]


def test_speakers_are_tested_in_one_fold_each(make_study) -> None:
    rows = groups_frame(study_of(make_study), "speaker").set_index(["strategy", "percent", "group"])
    assert len(rows) == 2 * 2 * 6
    row = rows.loc[("random", 1, "s1b")]
    assert row["ua_mean"] == pytest.approx(0.65)
    assert np.isnan(row["ua_sd"])
    assert (row["folds"], row["folds_planned"], row["utterances"]) == (1, 3, 15)


def test_the_gap_is_from_the_worst_to_the_best(make_study) -> None:
    results = study_of(make_study)
    gaps = gaps_frame(groups_frame(results, "speaker")).set_index(["strategy", "percent"])
    row = gaps.loc[("entropy", 20)]
    assert (row["worst"], row["best"], row["groups"]) == ("s0a", "s2b", 6)
    assert (row["worst_ua"], row["best_ua"], row["gap"]) == pytest.approx((0.5, 0.75, 0.25))
    assert row["utterances"] == 25
    table = gaps_table({by: gaps_frame(groups_frame(results, by)) for by in ("gender", "speaker", "corpus")})
    assert table is not None
    assert table.columns == ("", "worst gender", "gap of genders", "worst speaker", "gap of speakers")
    assert [cell.text for cell in table.rows[1]] == [
        "entropy",
        "male 50.0 (30)",
        "20.0",
        "s0a 50.0 (25)",
        "25.0",
    ]
    assert table.title == "The worst group of test utterances at 20 % of train"


def test_missing_cells_are_marked(make_study) -> None:
    results = study_of(make_study, left_out=lambda *cell: cell == ("entropy", 20, 0, 0))
    gaps = gaps_frame(groups_frame(results, "gender"))
    table = gaps_table({"gender": gaps})
    assert table is not None
    assert [row[1].text for row in table.rows] == ["male 50.0 (30)", "male 50.0 (30) *"]
    assert "some cells are missing" in table.note


def test_a_family_without_results_has_rows_but_no_gap(make_study) -> None:
    results = study_of(make_study, left_out=lambda name, *_: name == "entropy", share_first=False)
    rows = groups_frame(results, "gender").set_index("strategy")
    assert rows.loc["entropy", "ua_mean"].isna().all()
    assert rows.loc["entropy", "cells"].tolist() == [0, 0, 0, 0]
    assert set(gaps_frame(groups_frame(results, "gender"))["strategy"]) == {"random"}


def test_older_records_have_no_groups_but_corpora(make_study) -> None:
    older = without(study_of(make_study), "ua_by", "test_by")
    assert groups_frame(older, "gender").empty
    assert gaps_table({"gender": gaps_frame(groups_frame(older, "gender"))}) is None
    corpora = with_columns(older, ua_by_corpus=lambda row: {"emodb": 0.6, "savee": 0.4})
    found = groups_frame(corpora, "corpus")
    assert set(found["group"]) == {"emodb", "savee"}
    assert found["utterances"].isna().all()
    table = gaps_table({"corpus": gaps_frame(found)})
    assert table is not None
    assert table.rows[0][1].text == "savee 40.0"


def test_records_of_both_kinds_in_one_study(make_study) -> None:
    """A study that goes on with newer code: only its new cells are scored by gender, and it says so."""
    results = with_columns(
        study_of(make_study), ua_by=lambda row: ua_by(row) if row.seed else None, test_by=lambda row: None
    )
    rows = groups_frame(results, "gender")
    assert (rows["cells"] < rows["planned"]).all()
    assert rows["ua_mean"].notna().all()


def test_a_corpus_of_one_gender_is_left_out(make_study) -> None:
    men = with_columns(study_of(make_study), ua_by=lambda row: {"gender": {"male": 0.5}})
    results = together(study_of(make_study), renamed(men, corpus="savee"))
    assert set(groups_frame(results, "gender")["corpus"]) == {"emodb"}
