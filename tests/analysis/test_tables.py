import csv
import io

import pytest

from analysis._rendering import (
    Cell,
    Table,
    escape_latex,
    p_text,
    percent,
    points,
    seconds_text,
    to_latex,
    to_markdown,
)
from analysis.comparisons import compare
from analysis.contrasts import Contrasts
from analysis.report.files import to_csv
from analysis.tables import (
    cells_frame,
    comparison_frame,
    comparison_table,
    score_frame,
    score_table,
    seconds_table,
    terminal_table,
)


def known(strategy, percent, fold, seed):
    """Folds 0.4, 0.5, 0.6; entropy 0.1 better after round 0."""
    return 0.4 + 0.1 * fold + (0.1 if strategy == "entropy" and percent > 1 else 0.0)


def test_scores_equal_those_computed_by_hand(make_study):
    scores = score_frame(make_study(known).results).set_index(["strategy", "percent"])
    row = scores.loc[("entropy", 5)]
    assert (row["ua_mean"], row["ua_sd"], row["ua_pooled"]) == pytest.approx((0.6, 0.1, 0.6))
    assert (row["wa_mean"], row["cells"], row["planned"]) == (pytest.approx(0.6), 6, 6)


def test_the_table_shows_mean_sd_and_pooled_and_the_best_in_bold(make_study):
    table = score_table(make_study(known).results, "ua")
    assert table.columns == ("", "1 %", "5 %", "10 %")
    random, entropy = table.rows
    assert [cell.text for cell in random] == ["random"] + ["50.0 ± 10.0 (50.0)"] * 3
    assert [cell.text for cell in entropy[1:]] == ["50.0 ± 10.0 (50.0)", *["60.0 ± 10.0 (60.0)"] * 2]
    assert [cell.bold for cell in entropy] == [False, False, True, True]


def test_incomplete_entries_are_marked_and_never_best(make_study):
    results = make_study(known, left_out=lambda *cell: cell == ("entropy", 10, 0, 0)).results
    entropy = score_table(results, "ua").rows[1]
    assert entropy[3].text.endswith(" *")
    assert not entropy[3].bold


def test_a_family_without_any_result_still_has_its_row(make_study):
    results = make_study(known, left_out=lambda s, *_: s == "entropy", share_first=False).results
    assert [cell.text for cell in score_table(results, "ua").rows[1]] == ["entropy", "—", "—", "—"]


def test_the_terminal_gets_plain_rows(make_study):
    rows = terminal_table(make_study(known).results)
    assert rows[0] == {"": "random", **dict.fromkeys(("1 %", "5 %", "10 %"), "50.0 ± 10.0 (50.0)")}


def test_charged_seconds_carry_the_note_that_devices_were_shared(make_study):
    table = seconds_table(make_study(known).results)
    assert [cell.text for cell in table.rows[0]] == ["random", "30 s", "40 s", "50 s"]
    assert "no benchmark" in table.note


def test_cells_list_what_is_missing_too(make_study):
    results = make_study(known, left_out=lambda *cell: cell == ("entropy", 10, 0, 0)).results
    frame = cells_frame(results)
    assert frame["status"].value_counts().to_dict() == {"finished": 35, "missing": 1}


def test_the_comparison_keeps_the_papers_t_under_its_right_name(make_study):
    def varied(strategy, percent, fold, seed):
        return known(strategy, percent, fold, seed) + 0.05 * seed * (fold == 1) * (strategy == "entropy")

    found = compare(make_study(varied).results, Contrasts("x", "strategy", "random"))
    assert any("conditional" in column for column in comparison_table(found, "x").columns)
    frame = comparison_frame(found)
    assert "seed_means_conditional.p" in frame
    assert {"crossed_quasi_f.p", "nadeau_bengio_on_fold_means.p"} <= set(frame.columns)


NASTY = Table("a|b_c", ("", "5 %"), ((Cell("x & y_z | {w} $1 #2 \\ ~^"), Cell("1 ± 2", bold=True)),))


def test_markdown_escapes_pipes_and_marks():
    lines = to_markdown([NASTY]).splitlines()
    assert lines[4] == r"| x & y\_z \| \{w\} $1 \#2 \\ \~^ | **1 ± 2** |"


def test_latex_escapes_its_specials_and_uses_booktabs():
    text = to_latex([NASTY])
    assert r"x \& y\_z | \{w\} \$1 \#2 \textbackslash{} \textasciitilde{}\textasciicircum{}" in text
    assert r"\textbf{1 $\pm$ 2}" in text
    assert r"\toprule" in text
    assert r"5 \%" in text


def test_csv_quotes_what_would_split_a_row(make_study):
    frame = score_frame(make_study(known).results).assign(method='a,"b"\nc')
    rows = list(csv.DictReader(io.StringIO(to_csv(frame))))
    assert {row["method"] for row in rows} == {'a,"b"\nc'}


def test_numbers_for_people():
    assert (percent(0.12345), percent(float("nan"))) == ("12.3", "—")
    assert (points(-0.0312), points(0.0), points(-1e-9)) == ("−3.1", "+0.0", "+0.0")
    assert (p_text(0.0004), p_text(0.0123), p_text(1.0), p_text(None)) == ("<.001", ".012", "1.000", "—")
    assert (seconds_text(48), seconds_text(750), seconds_text(11520)) == ("48 s", "12.5 min", "3.2 h")
    assert escape_latex("50 %") == r"50 \%"


def test_a_dagger_stands_raised_behind_a_bold_number():
    table = Table("t", ("", "ua"), ((Cell("x"), Cell("76.1", bold=True, mark="†")),))
    assert r"\textbf{76.1}\rlap{\textsuperscript{\textdagger{}}}" in to_latex([table])
    assert "| **76.1**† |" in to_markdown([table])


def test_cells_have_the_seconds_of_every_phase_and_the_recall_of_every_class(make_study):
    recall = [0.25, None, 0.75, 1.0]
    frame = cells_frame(make_study(known, details=lambda *_: {"recall": recall}).results)
    assert frame["seconds_train"].tolist() == [8.0] * len(frame)
    assert {"seconds_score", "seconds_acquire", "seconds_evaluate", "seconds_total"} <= set(frame)
    assert frame.loc[0, ["recall_anger", "recall_neutral", "recall_sadness"]].tolist() == [0.25, 0.75, 1.0]
    assert frame["recall_happiness"].isna().all()
