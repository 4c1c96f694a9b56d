from analysis.paper.table2 import table2
from tests.analysis.paper.cells import PAPERS, board_of, family, flat


def rows_of(table):
    return {row[0].text: row[1:] for group in table.groups for row in group.rows}


def notes_of(table):
    return " ".join(table.notes)


def rising(fold, seed, percent):
    return 0.5 + percent / 1000 + 0.01 * fold


def test_scores_and_minutes_are_means_over_folds_of_means_over_seeds():
    table = table2(board_of(family(rising)))
    rows = rows_of(table)
    assert [head.text for head in table.heads[0]] == ["", "5 %", "20 %", "100 %"]
    assert [cell.text for cell in rows["UA"]] == ["52.50", "54.00", "62.00"]
    assert [cell.text for cell in rows["WA"]] == ["50.50", "52.00", "60.00"]
    assert [cell.text for cell in rows["minutes"]] == ["5.1", "20.1", "100.1"]  # 4 s of folds and seeds
    assert [cell.bold for cell in rows["UA"]] == [False, False, True]
    minutes = table.long[table.long["metric"] == "minutes"]
    assert minutes["mean"].round(3).tolist() == [5.067, 20.067, 100.067]
    assert minutes["benchmark"].all()


def test_minutes_of_shared_devices_are_marked_and_a_sentence_says_so():
    table = table2(board_of(family(rising, shared_by=2)))
    assert [cell.mark for cell in rows_of(table)["minutes"]] == ["‡"] * 3
    assert "no benchmark" in notes_of(table)
    assert "no benchmark" not in notes_of(table2(board_of(family(rising))))


def test_a_device_that_nobody_noted_counts_as_shared():
    table = table2(board_of(family(rising, shared_by=None)))
    assert rows_of(table)["minutes"][0].mark == "‡"


def test_a_resumed_round_spoils_the_later_ratios_of_its_trial_only():
    cells = [row | {"resumed": int(row["percent"] == 20 and row["fold"] == 0)} for row in family(rising)]
    table = table2(board_of(cells))
    assert [cell.mark for cell in rows_of(table)["minutes"]] == ["", "‡", "‡"]


def test_minutes_come_from_undisturbed_trials_where_every_fold_has_one():
    cells = [
        row | ({"shared_by": 2, "charged_seconds": 1e6} if row["seed"] == 0 else {}) for row in family(rising)
    ]
    table = table2(board_of(cells))
    cell = rows_of(table)["minutes"][0]
    assert (cell.text, cell.mark) == ("5.1", "")
    assert table.long.query("metric == 'minutes'")["cells"].tolist() == [20, 20, 20]


def test_one_training_on_all_labels_has_a_column_of_its_own():
    once = family(flat(0.7), strategy="none", percents=(100,), seconds=lambda *_: 1800)
    table = table2(board_of(family(rising), once))
    assert table.heads[0][-1].text == "100 % at once"
    assert rows_of(table)["minutes"][-1].text == "30.0"
    assert "a single training on all labels" in notes_of(table2(board_of(family(rising))))


def test_the_paper_stands_below_its_own_corpus_with_what_is_outside_the_tolerance():
    curve = {"method": "pooled_transformer", "adaptation": "tapt", "percents": (10, 20), "pretrained": True}
    exact = flat(0.7741, spread=0)
    rows = rows_of(table2(board_of(family(exact, corpus="merged", **curve), study=PAPERS)))
    assert [(cell.text, cell.mark) for cell in rows["UA, paper"]] == [("71.45", "≠"), ("77.41", "")]
    assert [(cell.text, cell.mark) for cell in rows["WA, paper"]] == [("69.01", "≠"), ("74.32", "")]
    twin = rows_of(table2(board_of(family(exact, **curve))))
    assert "UA, paper" not in twin


def test_the_csv_says_what_is_printed_and_whether_it_is_within_the_tolerance():
    curve = {"method": "pooled_transformer", "adaptation": "tapt", "percents": (10, 20), "pretrained": True}
    table = table2(board_of(family(flat(0.7741, spread=0), corpus="merged", **curve), study=PAPERS))
    lines = table.long.query("metric == 'ua'").set_index("percent")
    assert lines["published"].tolist() == [0.7145, 0.7741]
    assert lines["within_tolerance"].tolist() == [False, True]
    assert set(lines["tolerance"]) == {0.02}


def test_with_one_speaker_per_fold_the_pooled_score_is_shown():
    table = table2(board_of(family(rising, test_speakers=["a"])))
    assert [cell.text for cell in rows_of(table)["UA"]] == ["85.00"] * 3  # of the confusion counts
    assert "pooled" in notes_of(table)


def test_a_missing_cell_is_starred_and_never_the_best():
    table = table2(board_of(family(rising), lost=lambda row: row["percent"] == 100 and row["fold"] == 0))
    cell = rows_of(table)["UA"][-1]
    assert (cell.mark, cell.bold) == ("*", False)
    assert "* cells are missing." in table.notes


def test_the_strategy_that_is_no_reference_is_shown_where_there_is_no_entropy():
    table = table2(board_of(family(flat(0.5), strategy="random"), family(flat(0.6), strategy="margin")))
    assert "margin" in table.caption
    assert rows_of(table)["UA"][0].text == "60.00"


def test_adapted_models_are_shown_where_there_are_any():
    curve = {"method": "pooled_transformer", "pretrained": True}
    table = table2(board_of(family(flat(0.5), **curve), family(flat(0.6), adaptation="tapt", **curve)))
    assert len(table.groups) == 1
    assert rows_of(table)["UA"][0].text == "60.00"


def test_there_is_no_table_without_active_learning():
    assert table2(board_of(family(flat(0.5), strategy="none", percents=(100,)))) is None
