"""What is tested on a board is tested with the fold sizes that the study has."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.paper.board import Board, Point
from analysis.paper.claims import walk
from analysis.paper.table3 import table3_comparisons
from analysis.significance import nadeau_bengio
from tests.analysis.paper.cells import PAPERS, TWIN, board_of, family, flat, papers_study, results_of

TESTED = (30, 60, 90, 120, 100)  # utterances of test by fold, of 400 to train on
RATIO = 0.2  # their mean over 400


def unequal(cells):
    """The same cells with folds of unlike sizes."""
    return [{**row, "test": TESTED[row["fold"]]} for row in cells]


def test_evidence_has_the_mean_ratio_of_test_to_train_of_the_candidates_folds():
    board = board_of(family(flat(0.60), strategy="random"), unequal(family(flat(0.65))))
    entropy, random = (
        next(Point(one, 20.0) for one in board.families if one.strategy == name)
        for name in ("entropy", "random")
    )
    assert board.evidence(entropy, random).test_over_train == pytest.approx(RATIO)
    assert board.evidence(random, entropy).test_over_train == pytest.approx(0.25)


@pytest.mark.parametrize(("sized", "ratio"), [(unequal, RATIO), (list, 0.25)])
def test_the_p_of_a_claim_comes_from_the_ratio_of_test_to_train(sized, ratio):
    scores = [flat(0.60, 10), flat(0.62, 10)]
    random, entropy = family(scores[0], strategy="random"), sized(family(scores[1]))
    verdicts = walk(Board(results_of(random, entropy), TWIN))
    (found,) = (v for v in verdicts if v.claim.id == "entropy-beats-random")
    differences = np.array([[scores[1](f, s, 20) - scores[0](f, s, 20) for f in range(5)] for s in range(5)])
    expected = nadeau_bengio(differences, ratio)
    assert 0.001 < expected.p < 0.3
    assert found.p["Nadeau-Bengio"] == pytest.approx(expected.p, rel=1e-9)


def test_the_p_of_a_comparison_with_a_baseline_comes_from_the_ratio_of_test_to_train():
    alike, unlike = (
        table3_comparisons(board_of(*map(sized, papers_study()), study=PAPERS)).iloc[0]
        for sized in (list, unequal)
    )
    variances = [(row["nadeau_bengio.high"] - row["difference"]) ** 2 for row in (alike, unlike)]
    assert variances[0] / variances[1] == pytest.approx((1 / 5 + 0.25) / (1 / 5 + RATIO))
    assert unlike["nadeau_bengio.p"] < alike["nadeau_bengio.p"]


def test_weights_that_were_pre_trained_here_are_fine_tuned_and_not_asked_about_baselines():
    made = [[{**row, "pretrained": False} for row in rows] for rows in papers_study()]
    plain = [rows for rows in made if rows[0]["adaptation"] == "none"]  # nothing else says what is fine-tuned
    own = replace(PAPERS, weights_are="random", backbones=(), with_backbone=frozenset({"pooled_transformer"}))
    board = board_of(*plain, study=own)
    names = {board.training_name(one) for one in board.trained}
    assert names == {"FT", "glam", "lssed"}
    asked = [one for one in walk(board_of(*made, study=own)) if one.claim.weights == "pretrained"]
    assert {one.said for one in asked} == {"not testable here (no pretrained weights)"}
