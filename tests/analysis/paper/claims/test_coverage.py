"""A claim about "every" is never confirmed on a fraction of what it says."""

import pytest

from analysis.paper.board import Board
from analysis.paper.claims import walk, walk_frame
from tests.analysis.paper.cells import PAPERS, TWIN, family, flat, results_of

COLUMNS = {
    ("none", "random"): 0.60,
    ("none", "entropy"): 0.64,
    ("tapt", "random"): 0.70,
    ("tapt", "entropy"): 0.75,
}


def ablation(*columns, percents=(5, 20, 100)):
    """Columns of Table 4, each clearly better than those before it."""
    curve = {"corpus": "iemocap", "method": "pooled_transformer", "pretrained": True, "percents": percents}
    return results_of(
        *(family(flat(COLUMNS[one]), **curve, adaptation=one[0], strategy=one[1]) for one in columns)
    )


def figure2(*curves, **more):
    """Curves by strategy and initialization with their score."""
    return results_of(
        *(
            family(flat(score), strategy=strategy, initialization=first, **more)
            for strategy, first, score in curves
        )
    )


def verdict_of(results, claim, study=PAPERS):
    (found,) = (verdict for verdict in walk(Board(results, study)) if verdict.claim.id == claim)
    return found


def test_two_columns_at_one_share_confirm_nothing_of_table_4():
    results = ablation(("none", "entropy"), ("tapt", "entropy"), percents=(20,))
    assert verdict_of(results, "tapt-and-entropy-together-are-best").said == (
        "not testable here (lacks no adaptation, random; tapt, random; "
        "a second labelled share at which the two differ, against no adaptation, entropy)"
    )


@pytest.mark.parametrize("column", [("none", "random"), ("none", "entropy"), ("tapt", "random")])
def test_tapt_and_entropy_together_are_compared_with_every_other_column(column):
    results = ablation(*(one for one in COLUMNS if one != column))
    verdict = verdict_of(results, "tapt-and-entropy-together-are-best")
    named = ", ".join(("no adaptation" if column[0] == "none" else "tapt", column[1]))
    assert verdict.said == f"not testable here (lacks {named})"
    assert verdict.family_size == 0


@pytest.mark.parametrize(("there", "absent"), [("entropy", "random"), ("random", "entropy")])
def test_tapt_has_to_help_with_random_and_with_entropy(there, absent):
    verdict = verdict_of(ablation(("none", there), ("tapt", there), ("tapt", absent)), "tapt-helps")
    assert verdict.said == f"not testable here (lacks adaptation tapt beside none for {absent})"


def test_one_share_is_not_every_share():
    results = ablation(*COLUMNS, percents=(20,))
    assert verdict_of(results, "tapt-helps").reason == (
        "lacks a second labelled share at which the two differ, random; "
        "a second labelled share at which the two differ, entropy"
    )
    alone = results_of(
        family(flat(0.6), strategy="random", percents=(20,)), family(flat(0.65), percents=(20,))
    )
    assert verdict_of(alone, "entropy-beats-random", TWIN).said == (
        "not testable here (lacks a second labelled share at which the two differ)"
    )


def test_one_strategy_is_not_every_strategy():
    results = figure2(("entropy", "clustering", 0.64), ("entropy", "random", 0.60))
    assert verdict_of(results, "clustering-helps", TWIN).said == (
        "not testable here (lacks initialization clustering beside random for a second strategy)"
    )


def test_a_curve_needs_two_shares_to_have_an_area():
    curves = (("entropy", "clustering", 0.64), ("entropy", "random", 0.6), ("random", "clustering", 0.63))
    both = (*curves, ("random", "random", 0.59))
    assert verdict_of(figure2(*both), "clustering-helps", TWIN).answer == "confirmed"
    single = verdict_of(figure2(*both, percents=(20,)), "clustering-helps", TWIN)
    assert single.reason.startswith("lacks a second labelled share")


@pytest.mark.parametrize(
    ("others", "lacking"),
    [
        ([("entropy", "random", 0.6)], "a second strategy"),
        ([("random", "clustering", 0.6), ("badge", "clustering", 0.5)], "a second initialization"),
        ([("random", "random", 0.6)], "a second one beside it"),
    ],
)
def test_the_best_of_all_strategies_and_initializations_has_both_beside_it(others, lacking):
    results = figure2(("entropy", "clustering", 0.7), *others)
    verdict = verdict_of(results, "entropy-with-clustering-is-best", TWIN)
    assert verdict.said == f"not testable here (lacks {lacking})"


def test_an_answer_names_the_shares_and_the_strategies_that_it_rests_on():
    verdict = verdict_of(ablation(*COLUMNS), "tapt-helps")
    assert verdict.answer == "confirmed"
    assert verdict.reason.endswith("; asked of random; entropy at 5 %, 20 %, 100 %")
    lines = walk_frame([verdict])
    assert lines["coverage"].unique().tolist() == ["random; entropy at 5 %, 20 %, 100 %"]


def test_comparisons_at_other_shares_are_named_apart_and_many_are_counted():
    curves = [("entropy", 0.7, (5, 20, 100)), ("random", 0.6, (5, 20)), ("badge", 0.6, (5, 20, 100))]
    results = results_of(
        *(
            family(flat(score), strategy=name, initialization=first, percents=percents)
            for name, score, percents in curves
            for first in ("clustering", "random")
        )
    )
    assert verdict_of(results, "clustering-helps", TWIN).coverage == (
        "entropy; badge at 5 %, 20 %, 100 %; random at 5 %, 20 %"
    )
    many = figure2(*((f"s{i}", first, 0.6) for i in range(5) for first in ("clustering", "random")))
    assert verdict_of(many, "clustering-helps", TWIN).coverage == "5 comparisons at 5 %, 20 %, 100 %"
