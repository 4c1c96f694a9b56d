from analysis.paper.table4 import table4
from tests.analysis.paper.cells import PAPERS, board_of, family, flat, papers_study


def test_columns_are_training_below_strategy():
    (table,) = table4(board_of(*papers_study(), study=PAPERS))
    assert [[(head.text, head.span) for head in line] for line in table.heads[:2]] == [
        [("", 1), ("random", 4), ("entropy", 4)],
        [("", 1), ("FT", 2), ("TAPT+FT", 2), ("FT", 2), ("TAPT+FT", 2)],
    ]
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.groups[0].rows}
    assert list(rows) == ["5 %", "20 %", "100 %"]
    assert rows["20 %"] == ["60.00", "58.00", "70.00", "68.00", "64.00", "62.00", "75.00", "73.00"]


def test_the_best_of_every_ratio_is_bold():
    (table,) = table4(board_of(*papers_study(), study=PAPERS))
    assert [[cell.bold for cell in row[1:]] for row in table.groups[0].rows] == [[False] * 6 + [True] * 2] * 3


def test_the_papers_rows_stand_in_a_group_of_their_own_on_merged_only():
    (merged,) = table4(board_of(*papers_study("merged"), study=PAPERS))
    assert [group.title for group in merged.groups] == ["this study", "paper"]
    assert [row[0].text for row in merged.groups[1].rows] == ["20 %", "100 %"]
    assert [cell.text for cell in merged.groups[1].rows[0][1:]] == [
        "51.37", "49.92", "73.82", "71.33", "71.07", "68.21", "77.41", "74.32",
    ]  # fmt: skip
    (iemocap,) = table4(board_of(*papers_study(), study=PAPERS))
    assert [group.title for group in iemocap.groups] == [""]


def test_a_twin_has_the_columns_it_has_and_names_the_rest():
    (table,) = table4(board_of(family(flat(0.6), strategy="random"), family(flat(0.65), strategy="margin")))
    assert [head.text for head in table.heads[0]] == ["", "random", "margin"]
    assert table.notes[-1] == (
        "Not in this study: the columns with adaptation (TAPT+FT), the strategy entropy."
    )


def test_each_corpus_has_a_table():
    tables = table4(board_of(*papers_study(), *papers_study("merged"), study=PAPERS))
    assert [(table.name, table.number) for table in tables] == [("table4_1", "4a"), ("table4_2", "4b")]


def test_one_column_is_no_ablation():
    assert table4(board_of(family(flat(0.6)))) == ()


def test_lines_have_intervals_and_counts():
    (table,) = table4(board_of(*papers_study(), study=PAPERS))
    assert len(table.long) == 4 * 3 * 2
    assert (table.long["low"] < table.long["mean"]).all()
    assert set(table.long["cells"]) == {25}
