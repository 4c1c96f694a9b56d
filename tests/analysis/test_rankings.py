"""Methods are ranked over blocks that share no test utterance, or not at all."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis.rankings import rank, shared_tests
from analysis.significance import friedman
from tests.analysis.significance.oracles import near

THREE = ("random", "entropy", "margin")


def ordered(strategy, percent, fold, seed):
    """Entropy is always best and random worst, but in one fold, over seeds that differ."""
    order = {"random": 0, "margin": 1, "entropy": 2}[strategy]
    if fold == 2 and strategy == "margin":
        order = 3
    return 0.3 + 0.1 * order + 0.05 * seed


def with_corpora(results, *tested):
    """The same results as of several corpora, each tested on the corpora named for it."""
    parts = [
        results.frame.assign(
            corpus=f"corpus{number}", ua_by_corpus=[dict.fromkeys(names, 0.5)] * len(results.frame)
        )
        for number, names in enumerate(tested)
    ]
    return dataclasses.replace(results, frame=pd.concat(parts, ignore_index=True))


def test_blocks_are_folds_after_averaging_seeds(make_study):
    (found,) = rank(make_study(ordered, strategies=THREE, folds=range(4)).results, 10)
    expected = np.array([[0.325, 0.525, 0.425]] * 2 + [[0.325, 0.525, 0.625]] + [[0.325, 0.525, 0.425]])
    assert found.names == THREE
    assert found.blocks == "4 folds of emodb"
    assert found.ranking.ranks == near([3, 1.25, 1.75])
    assert found.ranking.chi2 == near(friedman(expected).chi2)


def test_missing_cells_are_not_ranked_away(make_study):
    hole = ("margin", 10, 1, 0)
    results = make_study(ordered, strategies=THREE, left_out=lambda *cell: cell == hole).results
    (found,) = rank(results, 10)
    assert found.ranking is None
    assert found.reason == "cells are missing: 1"
    assert rank(results, 5)[0].ranking is not None


def test_corpora_are_blocks_where_they_are_tested_on_different_utterances(make_study):
    results = with_corpora(make_study(ordered, strategies=THREE).results, ["a"], ["b"])
    *each, over = rank(results, 10)
    assert [one.blocks for one in each] == ["3 folds of corpus0", "3 folds of corpus1"]
    assert (over.blocks, over.names) == ("2 corpora", THREE)
    assert over.ranking.blocks == 2
    assert over.ranking.ranks == near([3, 1, 2])  # means over folds: .325, .525, .4917


def test_corpora_that_share_test_utterances_are_refused(make_study):
    results = with_corpora(make_study(ordered, strategies=THREE).results, ["iemocap"], ["emodb", "iemocap"])
    *each, over = rank(results, 10)
    assert all(one.ranking is not None for one in each)
    assert over.ranking is None
    assert over.reason == (
        "corpus0 and corpus1 are tested on the same utterances of iemocap, so they are not two blocks"
    )
    assert shared_tests(results.frame) == [("corpus0", "corpus1", "iemocap")]


@pytest.mark.parametrize("strategies", [("random",), ("random", "entropy")])
def test_too_few_methods_are_refused_with_a_sentence(make_study, strategies):
    (found,) = rank(make_study(ordered, strategies=strategies).results, 10)
    assert found.ranking is None
    assert (
        found.reason == f"a Friedman test needs at least 2 blocks and 3 methods, has 3 and {len(strategies)}"
    )
