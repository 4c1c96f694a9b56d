import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from after_ray.errors import AfterRayError
from after_ray.metrics import unweighted_accuracy, weighted_accuracy
from after_ray.store import Draft, Store, digest
from analysis.errors import MissingColumns
from analysis.families import AXES
from analysis.results import chance_levels, from_store, pooled


def test_every_finished_cell_has_one_row_with_its_record(make_study):
    results = make_study(lambda *_: 0.5).results
    assert len(results.frame) == results.planned == 2 * 3 * 3 * 2
    assert results.complete
    row = results.frame.iloc[0]
    assert (row["ua"], row["labelled"], row["test"], row["device"]) == (0.5, 4, 100, "cpu")
    assert row["seconds_train"] == 8.0
    assert row["classes"] == ["anger", "happiness", "neutral", "sadness"]


def test_charged_seconds_follow_the_chain_once_without_audio(make_study):
    frame = make_study(lambda *_: 0.5).results.frame
    charged = frame.groupby("percent")["charged_seconds"].unique()
    assert {p: list(c) for p, c in charged.items()} == {1: [30.0], 5: [40.0], 10: [50.0]}
    assert set(frame["spent_seconds"]) == {10.0}


def test_a_shared_ancestor_is_charged_once(tmp_path):
    store, keys = Store(tmp_path), [digest("s", 1, {"n": n}) for n in range(4)]
    root, left, right, last = keys
    seconds = {"total": 1.0}
    for key, parents in ((root, ()), (left, (root,)), (right, (root,)), (last, (left, right))):
        store.commit(Draft(key, "features", {}, parents=parents, seconds=seconds))
    assert from_store(_one_cell(last), store).frame["charged_seconds"].item() == 4.0


def test_a_chain_with_a_lost_record_has_no_charged_time(tmp_path):
    store, key = Store(tmp_path), digest("s", 1, {})
    store.commit(Draft(key, "round", {}, parents=(digest("gone", 1, {}),), seconds={"total": 1.0}))
    assert np.isnan(from_store(_one_cell(key), store).frame["charged_seconds"].item())


def test_missing_cells_are_kept_apart_with_the_sentence_of_their_failure(make_study):
    study = make_study(
        lambda *_: 0.5, left_out=lambda s, p, f, seed: (s, p, f, seed) == ("entropy", 10, 2, 1)
    )
    assert study.results.missing["failure"].tolist() == [""]
    key = study.results.missing["key"].item()
    study.store.ledger.fail(key, "It ran out of memory.")
    results = study.results
    assert not results.complete
    assert results.missing["failure"].tolist() == ["It ran out of memory."]
    assert len(results.frame) == results.planned - 1


def test_a_study_that_has_not_begun_is_all_missing(make_study):
    results = make_study(lambda *_: 0.5, left_out=lambda *_: True).results
    assert results.frame.empty
    assert len(results.missing) == results.planned


def test_predictions_are_read_when_asked_for(make_study):
    results = make_study(lambda *_: 0.5).results
    predictions = results.predictions(results.frame["key"].iloc[0])
    hits = predictions.log_probabilities.argmax(axis=1) == predictions.truth
    assert hits.mean() == 0.5
    assert predictions.truth.dtype == np.int64


def test_any_metric_is_recomputed_for_every_cell_from_its_own_predictions(make_study):
    results = make_study(lambda s, p, f, seed: p / 20 + 0.1 * f).results

    def accuracy(said):
        return (said.log_probabilities.argmax(axis=1) == said.truth).mean()

    found = results.recomputed(accuracy)
    assert found.name == "accuracy"
    assert found.index.equals(results.frame.index)
    assert found.to_numpy() == pytest.approx(results.frame["wa"].to_numpy())
    assert results.recomputed(accuracy, "validation").equals(found), "made up so"


def test_a_round_that_strategies_share_is_read_once(make_study):
    results = make_study(lambda *_: 0.5, percents=(1,)).results
    read = []
    again = replace(results, arrays=lambda key: read.append(key) or results.arrays(key))
    assert len(again.recomputed(lambda said: len(said.rows))) == 12
    assert sorted(read) == sorted(results.frame["key"].unique())
    assert len(read) == 6


def test_pooled_ua_adds_the_folds_up_before_dividing():
    one = [[9, 1], [1, 1]]  # UA 0.7
    other = [[1, 1], [0, 8]]  # UA 0.75
    frame = pd.DataFrame({"seed": [0, 0], "fold": [0, 1], "confusion": [one, other]})
    assert pooled(frame) == pytest.approx((10 / 12 + 9 / 10) / 2)
    assert pooled(frame, "wa") == pytest.approx(19 / 22)


def test_chance_is_one_over_the_classes_of_a_corpus_where_records_name_them():
    classes = [["anger", "sad"], None, ["a", "b", "c", "d"], None]
    frame = pd.DataFrame({"corpus": ["savee", "savee", "emodb", "old"], "classes": classes})
    assert chance_levels(frame) == {"emodb": 0.25, "savee": 0.5}
    assert chance_levels(frame.iloc[3:]) == {}
    assert chance_levels(frame[["corpus"]]) == {}


def test_o13_accuracies_and_a_class_without_test_utterances():
    confusion = np.array([[50, 5, 3, 2], [10, 80, 6, 4], [2, 8, 30, 0], [4, 6, 0, 20]])
    assert weighted_accuracy(confusion) == pytest.approx(0.7826086957, abs=1e-6)
    assert unweighted_accuracy(confusion) == pytest.approx(0.7625, abs=1e-6)
    assert unweighted_accuracy(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])) == pytest.approx(0.875)


def test_a_plan_without_a_column_is_refused(make_study):
    study = make_study(lambda *_: 0.5)
    with pytest.raises(MissingColumns, match="no column trial"):
        from_store(study.cells.drop(columns="trial"), study.store)


def test_a_plan_without_a_cell_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(AfterRayError, match="plans no cell at all"):
        from_store(pd.DataFrame([]), Store(tmp_path))


def test_planned_cells_are_the_finished_and_the_missing_ones(make_study):
    study = make_study(lambda *_: 0.5, left_out=lambda s, p, f, seed: (s, f) == ("entropy", 2))
    assert not study.results.complete
    assert set(study.results.cells["key"]) == set(study.cells["key"])
    assert len(study.results.cells) == study.results.planned


ONE_CLASS = [[0, 40], [0, 20]]
BOTH_CLASSES = [[20, 20], [10, 10]]  # UA is chance here too


@pytest.mark.parametrize(
    ("details", "collapsed"),
    [
        ({"confusion": ONE_CLASS}, True),
        ({"confusion": BOTH_CLASSES}, False),
        ({"confusion": BOTH_CLASSES, "collapsed": True}, True),
        ({"confusion": ONE_CLASS, "collapsed": False}, False),
        ({}, False),
    ],
)
def test_the_record_says_whether_a_model_collapsed_and_else_its_confusion(tmp_path, details, collapsed):
    store, key = Store(tmp_path), digest("s", 1, {})
    store.commit(Draft(key, "round", {}, details=details))
    assert from_store(_one_cell(key), store).frame["collapsed"].tolist() == [collapsed]


@pytest.mark.slow
def test_reading_3200_records_takes_under_3_seconds(tmp_path):
    store, keys = Store(tmp_path), [digest("round", 1, {"n": n}) for n in range(3200)]
    acquired = [f"utterance-{n:05d}" for n in range(200)]
    for key in keys:
        store.commit(Draft(key, "round", {}, seconds={"total": 1.0}, details={"acquired": acquired}))
    cells = pd.concat([_one_cell(key) for key in keys], ignore_index=True)
    started = time.perf_counter()
    assert len(from_store(cells, store).frame) == 3200
    assert time.perf_counter() - started < 3


def _one_cell(key):
    numbers = {"percent": 1.0, "size": 4, "fold": 0, "seed": 0, "pretrained": False}
    return pd.DataFrame([{**dict.fromkeys(AXES, "x"), **numbers, "key": key, "trial": key}])
