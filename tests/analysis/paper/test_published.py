from dataclasses import replace

import pytest

from analysis.paper.board import Point
from analysis.paper.published import published
from analysis.study import Copy, CorpusInfo
from tests.analysis.paper.cells import PAPERS, SIX, board_of, family, flat, papers_study


def headline(study, corpus="merged"):
    """What is printed for AFTER at 20 % in Table 3, seen from a study."""
    board = board_of(*papers_study(corpus), study=study)
    point = next(
        Point(family, 20.0)
        for family in board.families
        if family.adaptation == "tapt"
        and family.strategy == "entropy"
        and family.initialization == "clustering"
    )
    return published().number(board, "table3", point, "ua")


@pytest.mark.parametrize(
    ("axis", "value"), [("initialization", "random"), ("strategy", "random"), ("adaptation", "none")]
)
def test_afters_number_stands_beside_no_other_family(axis, value):
    board = board_of(*papers_study(), study=PAPERS)
    family = next(one for one in board.families if one[2:5] == ("tapt", "entropy", "clustering"))
    other = Point(family._replace(**{axis: value}), 20.0)
    assert board.score(other, "ua") is not None
    assert published().number(board, "table3", Point(family, 20.0), "ua") == pytest.approx(0.7607)
    assert published().number(board, "table3", other, "ua") is None


def test_every_row_of_active_learning_says_with_what_it_began():
    learned = {n.initialization for n in published().numbers if n.strategy != "none"}
    at_once = {(n.initialization, n.percent) for n in published().numbers if n.strategy == "none"}
    assert learned == {"clustering"}
    assert at_once == {(None, 100.0)}


def test_a_baseline_at_the_end_of_a_trajectory_is_not_the_papers():
    once = papers_study()[0]
    board = board_of(once, [{**row, "strategy": "entropy"} for row in once], study=PAPERS)
    numbers = [published().number(board, "table3", Point(one, 100.0), "ua") for one in board.families]
    assert numbers == [pytest.approx(0.7401), None]


def with_corpus(**changes):
    merged = replace(PAPERS.corpora["merged"], **changes)
    return replace(PAPERS, corpora={**PAPERS.corpora, "merged": merged})


def test_the_papers_numbers_are_known_on_its_corpora_and_weights():
    assert headline(PAPERS) == pytest.approx(0.7741)
    assert headline(PAPERS, "iemocap") == pytest.approx(0.7607)
    assert headline(replace(PAPERS, backbones=("/models/wav2vec2-large-lv60",))) == pytest.approx(0.7741)


@pytest.mark.parametrize(
    "study",
    [
        replace(PAPERS, weights_are="random"),
        replace(PAPERS, weights_are="none"),
        replace(PAPERS, backbones=("facebook/hubert-base-ls960",)),
        replace(PAPERS, backbones=("facebook/wav2vec2-base", "facebook/hubert-base-ls960")),
        replace(PAPERS, backbones=()),
        with_corpus(copy=Copy("altered", ("half of it",))),
        with_corpus(counts={name: counts for name, counts in SIX.items() if name != "iemocap"}),
        with_corpus(counts={**SIX, "iemocap": {"anger": 10}}),
        with_corpus(counts={}),
        with_corpus(test_shares_speakers=True),
        replace(PAPERS, corpora={"merged": CorpusInfo()}),
    ],
)
def test_other_weights_and_other_corpora_are_not_compared(study):
    assert headline(study) is None


def test_baselines_without_a_backbone_need_no_weights_of_their_own():
    board = board_of(*papers_study("iemocap"), study=PAPERS)
    glam = next(Point(family, 100.0) for family in board.families if family.method == "glam")
    assert published().number(board, "table3", glam, "wa") == pytest.approx(0.7298)


@pytest.mark.parametrize(
    ("backbones", "method", "printed"),
    [
        (["facebook/wav2vec2-large-robust"], "w2v2_l_r_12", True),
        (["/models/wav2vec2-large-robust"], "w2v2_l_r_12", True),
        (["facebook/wav2vec2-base"], "w2v2_l_r_12", False),
        (["facebook/wav2vec2-large-lv60"], "w2v2_l_r_12", False),
        (["facebook/wav2vec2-base", "facebook/wav2vec2-large-robust"], "w2v2_l_r_12", False),
        (
            ["facebook/wav2vec2-base", "facebook/wav2vec2-large-robust"],
            "w2v2_l_r_12/wav2vec2-large-robust-l12",
            True,
        ),
        (["facebook/wav2vec2-base", "facebook/wav2vec2-large-robust"], "w2v2_l_r_12/wav2vec2-base", False),
    ],
)
def test_the_twelve_layers_of_a_large_model_stand_beside_no_other_weights(backbones, method, printed):
    trained = family(flat(0.7), "iemocap", method, strategy="none", percents=(100,), pretrained=True)
    board = board_of(trained, study=replace(PAPERS, backbones=tuple(backbones)))
    found = published().number(board, "table3", Point(board.families[0], 100.0), "ua")
    assert found == (pytest.approx(0.7428) if printed else None)


def test_the_tolerance_is_in_points():
    assert not published().outside(0.75, 0.73)
    assert published().outside(0.7502, 0.73)


def test_all_printed_rows_are_there_once():
    numbers = published().numbers
    rows = [number.model_dump(exclude={"ua", "wa"}) for number in numbers]
    assert all(rows.count(row) == 1 for row in rows)
    assert {table: sum(n.table == table for n in numbers) for table in ("table2", "table3", "table4")} == {
        "table2": 6,
        "table3": 14,
        "table4": 28,
    }


@pytest.mark.parametrize(("axis", "value"), [("annotation", "soft"), ("label_noise", "0.1")])
def test_the_papers_numbers_are_those_of_clean_labels_of_the_corpus(axis, value):
    board = board_of(*[[row | {axis: value} for row in rows] for rows in papers_study()], study=PAPERS)
    points = [Point(one, percent) for one in board.families for percent in board.percents(one)]
    assert all(board.score(point, "ua") is not None for point in points)
    assert [published().number(board, "table3", point, "ua") for point in points] == [None] * len(points)
