"""Three sentences: what was done, what came out, what that is worth."""

import dataclasses

import numpy as np
import pandas as pd

from analysis.comparisons import compare
from analysis.contrasts import Contrasts
from analysis.report.facts import facts
from analysis.report.summary import summary
from analysis.study import StudyInfo
from analysis.tables import score_frame

STUDY = StudyInfo(name="known", weights_are="random")
STRATEGIES = Contrasts("strategies", "strategy", "random", declared=True)


def steady(gain):
    def score(strategy, percent, fold, seed):
        added = gain + 0.05 * ((fold + 2 * seed) % 3) if strategy == "entropy" and percent > 1 else 0.0
        return 0.4 + 0.05 * fold + added

    return score


def sentences(results, contrasts=STRATEGIES, flags=0):
    found = [] if contrasts is None else compare(results, contrasts)
    return summary(STUDY, results, score_frame(results), found, flags, 10)


def test_what_was_done_names_what_varies_and_how_often(make_study):
    done, _, _ = sentences(make_study(steady(0.1)).results)
    assert done == (
        "known compares 2 strategies (random, entropy) on emodb with a backbone of random weights, over "
        "3 folds × 2 seeds; 36 of 36 cells are finished."
    )


def test_the_largest_difference_that_is_shown_comes_with_its_interval(make_study):
    wide = make_study(steady(0.2), folds=range(6), seeds=range(4)).results
    _, found, _ = sentences(wide)
    assert found.startswith(
        "2 of 2 declared comparisons show a difference after correction, the largest of them"
    )
    assert "+25.0 points of UA for entropy over random at 5 % of the labels (95 % interval +" in found


def test_the_difference_is_of_a_candidate_with_all_that_tells_it_apart(make_study):
    results = make_study(steady(0.2)).results
    both = pd.concat(
        [results.frame, results.frame.assign(initialization="clustering", key=results.frame["key"] + "c")]
    )
    wide = dataclasses.replace(results, frame=both.reset_index(drop=True))
    _, found, _ = sentences(wide)
    assert "points of UA for entropy, random init. over random at 5 % of the labels" in found


def test_without_a_shown_difference_the_largest_is_told_as_not_shown(make_study):
    _, found, _ = sentences(make_study(steady(-0.05)).results)
    assert found.startswith("None of 2 declared comparisons shows a difference; the largest is +0.0 points")


def test_without_a_comparison_the_best_mean_is_told(make_study):
    results = make_study(steady(0.1), strategies=("random",)).results
    _, found, _ = sentences(results, contrasts=None)
    assert found == (
        "Nothing was tested against a reference; the highest mean UA at 10 % of the labels "
        "is 45.0 % (random)."
    )


def test_the_last_sentence_says_what_weakens_the_rest(make_study):
    hole = ("entropy", 10, 0, 0)
    results = make_study(steady(0.1), left_out=lambda *cell: cell == hole).results
    _, _, worth = sentences(results, flags=2)
    assert "claims about adaptation and time are not testable without pretrained weights" in worth
    assert "1 cell of the plan are missing" not in worth
    assert "1 cell of the plan is missing" in worth
    assert worth.endswith("2 warnings below ask for care.")
    bars = [c.claim.detectable for c in compare(results, STRATEGIES) if c.claim.detectable is not None]
    assert f"difference of {100 * float(np.median(bars)):.1f} points" in worth


def test_a_cut_list_of_names_says_that_there_are_more(make_study):
    many = tuple(f"s{number}" for number in range(6))
    results = make_study(steady(0.1), strategies=("random", *many)).results
    done, _, _ = sentences(results, dataclasses.replace(STRATEGIES, declared=False))
    assert "7 strategies (random, s0, s1, s2, …)" in done


def test_a_backbone_that_was_pre_trained_here_is_named_in_box_and_summary(make_study):
    told = "pre-trained here from random weights on 75 min (ravdess, train of fold 0)"
    own = dataclasses.replace(STUDY, made_here=(told,))
    results = make_study(steady(0.1)).results
    done, _, worth = summary(own, results, score_frame(results), [], 0, 10)
    assert " on emodb with a backbone that was pre-trained here from random weights, over 3 folds" in done
    assert "not testable without pretrained weights" in worth
    box = facts(results, own, [])
    assert box.weights == told
    assert "about time are not testable here (no pretrained weights)" in box.scope


def test_that_validation_chooses_is_told_where_it_does(make_study):
    results = make_study(steady(0.1)).results
    worths = [summary(STUDY, results, score_frame(results), [], 0, 10, each)[2] for each in (False, True)]
    assert ["validation chooses" in worth for worth in worths] == [False, True]
