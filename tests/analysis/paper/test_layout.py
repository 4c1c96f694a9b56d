import pandas as pd

from analysis._rendering import Cell, escape_latex
from analysis.paper.layout import Group, Head, PaperTable, to_tabular

TABLE = PaperTable(
    "table4_2",
    "What is 100 % known",
    ((Head(""), Head("a_b", 2), Head("c", 2)), (Head("row"), *map(Head, ("UA", "WA", "UA", "WA")))),
    (
        Group(
            ((Cell("[x]"), Cell("1", bold=True, mark="†"), Cell("2"), Cell("3"), Cell("4")),), "own & more"
        ),
        Group(((Cell("*y"), Cell("5"), Cell("6"), Cell("7"), Cell("8")),)),
    ),
    ("A note.",),
    pd.DataFrame(),
)


def test_heads_span_their_columns_and_have_short_rules_below():
    lines = to_tabular(TABLE).splitlines()
    assert lines[:3] == ["% What is 100 % known", "% A note.", r"\begin{tabular}{lrrrr}"]
    assert r"   & \multicolumn{2}{c}{a\_b} & \multicolumn{2}{c}{c} \\" in lines
    assert r"  \cmidrule(lr){2-3} \cmidrule(lr){4-5}" in lines
    assert r"  row & UA & WA & UA & WA \\" in lines


def test_every_group_stands_below_a_rule_and_its_title():
    lines = to_tabular(TABLE).splitlines()
    assert [lines[place + 1] for place, line in enumerate(lines) if line == r"  \midrule"] == [
        r"  \multicolumn{5}{l}{\textit{own \& more}} \\",
        r"  {*}y & 5 & 6 & 7 & 8 \\",
    ]
    assert r"  {[}x] & \textbf{1}\rlap{\textsuperscript{\textdagger{}}} & 2 & 3 & 4 \\" in lines


def test_a_flat_table_has_one_line_of_heads_and_titles_in_the_names_of_rows():
    flat = TABLE.flat()
    assert flat.columns == ("row", "a_b UA", "a_b WA", "c UA", "c WA")
    assert [row[0].text for row in flat.rows] == ["own & more: [x]", "*y"]
    assert flat.rows[0][1:] == TABLE.groups[0].rows[0][1:]
    assert {len(row) for row in flat.rows} == {5}
    assert flat.note == "A note."


def test_the_second_of_two_tables_is_numbered_with_a_letter():
    assert TABLE.number == "4b"


def test_any_name_survives_in_latex():
    assert escape_latex("Łódź_50%&ü") == r"Łódź\_50\%\&ü"
    assert escape_latex("a--b, c''d") == "a-{}-b, c'{}'d"
    assert escape_latex("≤ 2 ≠ 3 → 日") == r"$\leq$ 2 $\neq$ 3 $\rightarrow$ \texttt{U+65E5}"
    assert escape_latex("e\u0301") == "é"
