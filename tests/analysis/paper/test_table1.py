from dataclasses import replace

from analysis.paper.table1 import table1
from analysis.study import StudyInfo
from tests.analysis.paper.cells import PAPERS, TWIN, board_of, family, flat

MERGED = family(flat(0.7), corpus="merged", pretrained=True)


def test_counts_are_those_of_the_manifests_with_their_ratio():
    table = table1(board_of(family(flat(0.7))))
    assert [head.text for head in table.heads[0]][1:] == [
        "anger", "happy", "neutral", "sad", "utterances", "ratio",
    ]  # fmt: skip
    (row,) = table.groups[0].rows
    assert [cell.text for cell in row] == ["emodb", "127", "71", "79", "62", "339", "2.0 : 1.1 : 1.3 : 1.0"]
    assert table.long["utterances"].sum() == 339


def test_members_of_a_merged_corpus_stand_above_their_sum():
    rows = table1(board_of(MERGED, study=PAPERS)).groups[0].rows
    assert [row[0].text for row in rows][-1] == "merged, together"
    assert (rows[-1][5].text, rows[-1][1].text) == ("16965", "4911")
    emovdb = next(row for row in rows if row[0].text == "emovdb")
    assert (emovdb[2].text, emovdb[6].text) == ("0", "1.0 : 0 : 1.4 : 0")


def test_the_papers_counts_stand_beside_its_own_corpora_only():
    papers = table1(board_of(MERGED, study=PAPERS))
    assert papers.heads[0][-1].text == "paper"
    assert [row[-1].text for row in papers.groups[0].rows] == [
        "10038", "408", "2737", "672", "3038", "4900", "21793",
    ]  # fmt: skip
    random = table1(board_of(MERGED, study=replace(PAPERS, weights_are="random")))
    assert random.heads[0][-1].text == "ratio"


def test_there_is_no_table_where_nothing_is_known_of_corpora():
    assert table1(board_of(family(flat(0.7)), study=StudyInfo("x"))) is None
    assert TWIN.corpus("emodb").counts
