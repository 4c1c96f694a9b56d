"""A merged corpus that is tested on all its members has a score for each; others have no such table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analysis.measures import by_corpus_frame, by_corpus_table
from analysis.report import write_report
from analysis.study import CorpusInfo, StudyInfo
from tests.analysis.pages import text_of

FOLDS, SEEDS = (0, 1, 2), (0, 1)


def scores_of(strategy: str, percent: float, fold: int, seed: int) -> dict[str, Any]:
    """emodb 0.5, 0.6, 0.7 by fold; savee 0.3 and 0.4, and it has nobody in the last fold."""
    noise = 0.02 if seed else -0.02
    gain = 0.1 if strategy == "entropy" else 0.0
    scores = {"emodb": 0.5 + 0.1 * fold + gain + noise}
    if fold < 2:
        scores["savee"] = 0.3 + 0.1 * fold + noise
    return {"ua_by_corpus": scores}


def merged(make_study: Any, **options: Any) -> Any:
    options = {"percents": (5, 10), "share_first": False, "details": scores_of} | options
    return make_study(lambda *_: 0.5, folds=FOLDS, seeds=SEEDS, **options).results


def test_means_are_over_the_folds_in_which_a_corpus_is_tested(make_study) -> None:
    rows = by_corpus_frame(merged(make_study)).set_index(["strategy", "percent", "test_corpus"])
    assert len(rows) == 2 * 2 * 2
    emodb, savee = rows.loc[("entropy", 5, "emodb")], rows.loc[("entropy", 5, "savee")]
    assert (emodb["ua_mean"], emodb["ua_sd"]) == pytest.approx((0.7, 0.1))
    assert (savee["ua_mean"], savee["ua_sd"]) == pytest.approx((0.35, 0.1 / 2**0.5))
    assert (emodb["folds"], savee["folds"], savee["folds_planned"]) == (3, 2, 3)
    assert (emodb["cells"], emodb["planned"]) == (6, 6)


def test_the_table_names_the_folds_and_the_worst_corpus(make_study) -> None:
    table = by_corpus_table(merged(make_study))
    assert table is not None
    assert table.columns == ("", "5 %", "10 %")
    assert [[cell.text for cell in row[:2]] for row in table.rows] == [
        ["random: emodb", "60.0 ± 10.0 (3 folds)"],
        ["random: savee", "35.0 ± 7.1 (2 of 3 folds, worst)"],
        ["entropy: emodb", "70.0 ± 10.0 (3 folds)"],
        ["entropy: savee", "35.0 ± 7.1 (2 of 3 folds, worst)"],
    ]
    assert "missing" not in table.note


def test_equal_corpora_have_no_worst(make_study) -> None:
    results = merged(make_study, details=lambda *_: {"ua_by_corpus": {"a": 0.5, "b": 0.5}})
    assert not by_corpus_frame(results)["worst"].any()


def test_missing_cells_are_marked(make_study) -> None:
    results = merged(make_study, left_out=lambda *cell: cell == ("entropy", 10, 0, 0))
    table = by_corpus_table(results)
    assert table is not None
    assert "some cells are missing" in table.note
    stars = [[cell.text.endswith(" *") for cell in row[1:]] for row in table.rows]
    assert stars == [[False, False], [False, False], [False, True], [False, True]]


def test_a_family_without_any_result_keeps_its_rows(make_study) -> None:
    table = by_corpus_table(merged(make_study, left_out=lambda strategy, *_: strategy == "entropy"))
    assert table is not None
    assert [cell.text for cell in table.rows[-1]] == ["entropy: savee", "—", "—"]


@pytest.mark.parametrize("scores", [{"emodb": 0.5}, None])
def test_a_single_tested_corpus_has_no_such_table(make_study, tmp_path, scores) -> None:
    results = merged(make_study, details=lambda *_: {"ua_by_corpus": scores})
    assert by_corpus_frame(results).empty
    assert by_corpus_table(results) is None
    report = write_report(StudyInfo("single"), results, tmp_path / "report")
    assert not [path for path in report.files if path.name.startswith("by_corpus")]
    assert "tested corpus" not in report.page.read_text()


def test_only_the_merged_corpus_of_a_study_is_taken_apart(make_study) -> None:
    results = merged(make_study)
    single = results.frame.assign(corpus="savee", ua_by_corpus=[{"savee": 0.5}] * len(results.frame))
    both = pd.concat([results.frame.assign(corpus="merged"), single], ignore_index=True)
    mixed = type(results)(both, results.missing, results.arrays)
    assert set(by_corpus_frame(mixed)["corpus"]) == {"merged"}
    table = by_corpus_table(mixed)
    assert table is not None
    assert table.rows[0][0].text == "merged, random: emodb", "named as in the tables beside it"


def test_a_merged_study_is_reported_from_its_store(make_study, tmp_path) -> None:
    info = CorpusInfo(folds="3 groups of speakers of every corpus", validation_draw="10 % of the rest")
    study = StudyInfo("merged study", corpora={"emodb": info}, protocol="paper")
    report = write_report(study, merged(make_study), tmp_path / "report")
    names = {f"by_corpus.{kind}" for kind in ("csv", "md", "tex")}
    assert names <= {path.name for path in report.files}
    page = text_of(report.page)
    assert "UA of each tested corpus by labelled share of train" in page
    assert "entropy: savee 35.0 ± 7.1 (2 of 3 folds, worst)" in page
    assert "by_corpus.csv" in page
    table = pd.read_csv(report.folder / "by_corpus.csv").set_index(["strategy", "percent", "test_corpus"])
    assert table.loc[("random", 5, "savee"), "ua_mean"] == pytest.approx(0.35)
    assert table.loc[("random", 5, "savee"), "worst"]
    assert "| entropy: emodb | 70.0 ± 10.0 (3 folds) |" in (report.folder / "by_corpus.md").read_text()
    assert r"70.0 $\pm$ 10.0 (3 folds)" in (report.folder / "by_corpus.tex").read_text()
