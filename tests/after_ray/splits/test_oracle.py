"""Labels behind the oracle and the evaluator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from after_ray.annotation import of_corpus
from after_ray.errors import NoProbabilities, OracleRefusal
from after_ray.metrics import evaluate
from after_ray.splits.oracle import Evaluator, Oracle

LABELS = np.array([0, 1, 2, 3, 0, 1, 2, 3], dtype=np.int64)
TRAIN = np.array([0, 1, 2, 5], dtype=np.int64)


@pytest.fixture
def oracle() -> Oracle:
    return Oracle(LABELS, TRAIN)


def test_labels_come_in_the_order_asked_and_every_reveal_is_recorded(oracle: Oracle) -> None:
    assert oracle.reveal([5, 0]).tolist() == [1, 0]
    assert oracle.reveal(np.array([2])).tolist() == [2]
    assert oracle.revealed.tolist() == [5, 0, 2]
    assert len(oracle) == 3


def test_revealing_twice_is_an_error_and_reveals_nothing(oracle: Oracle) -> None:
    oracle.reveal([0])
    with pytest.raises(OracleRefusal, match="second time: rows 0;"):
        oracle.reveal([1, 0])
    assert oracle.revealed.tolist() == [0]


def test_a_row_listed_twice_in_one_question_is_refused(oracle: Oracle) -> None:
    with pytest.raises(OracleRefusal, match="twice in one question: rows 1;"):
        oracle.reveal([1, 2, 1])


@pytest.mark.parametrize("question", ["reveal", "restore"])
def test_rows_outside_train_are_refused(oracle: Oracle, question: str) -> None:
    with pytest.raises(OracleRefusal, match="rows 3"):
        getattr(oracle, question)([3])
    assert len(oracle) == 0


def test_restore_makes_exactly_those_rows_revealed(oracle: Oracle) -> None:
    oracle.reveal([0, 1])
    assert oracle.restore([2, 0]).tolist() == [2, 0]
    assert oracle.revealed.tolist() == [2, 0]
    assert oracle.restore([2, 0]).tolist() == [2, 0]  # continuing twice is continuing once
    assert oracle.reveal([1]).tolist() == [1]


def test_no_label_outside_train_is_in_the_oracle(oracle: Oracle) -> None:
    assert sorted(vars(oracle)["_told_of"]) == TRAIN.tolist()


def test_the_evaluator_scores_its_own_rows_only() -> None:
    rows = np.array([1, 3, 4], dtype=np.int64)
    predictions = np.log(np.array([[0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7], [0.1, 0.7, 0.1, 0.1]]))
    scores = Evaluator(LABELS, rows).evaluate(predictions)
    assert scores == evaluate(predictions, LABELS[rows])
    assert scores.ua == pytest.approx(2 / 3)


def test_predictions_of_another_number_of_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="expected \\(2, classes\\)"):
        Evaluator(LABELS, np.array([0, 1])).evaluate(np.zeros((3, 4)))


def test_a_prediction_that_is_no_number_is_refused() -> None:
    one = np.log(np.full((1, 4), 0.25))
    for values, found in ((np.full((1, 4), np.nan), "nan"), (np.zeros((1, 4)), "4"), (2 * one, "0.25")):
        with pytest.raises(NoProbabilities, match=f"1 of 2 utterances: .* sum to {found}, where 1 is due"):
            Evaluator(LABELS, np.array([0, 1])).evaluate(np.concatenate([one, values]))
    certain = np.full((1, 4), -np.inf)
    certain[0, LABELS[0]] = 0
    assert Evaluator(LABELS, np.array([0])).evaluate(certain).wa == 1


def test_targets_are_told_of_what_was_revealed_and_of_nothing_else() -> None:
    targets = np.eye(4)[LABELS] * 0.7 + 0.075
    oracle = Oracle(replace(of_corpus(LABELS), targets=targets), TRAIN)
    with pytest.raises(OracleRefusal, match="before the classes: rows 5;"):
        oracle.targets([5])
    oracle.reveal([5, 0])
    np.testing.assert_array_equal(oracle.targets([0, 5]), targets[[0, 5]])
    with pytest.raises(OracleRefusal, match="before the classes: rows 2;"):
        oracle.targets([0, 2])
    assert len(oracle) == 2


def test_labels_that_say_all_have_no_targets(oracle: Oracle) -> None:
    oracle.reveal([0])
    assert oracle.targets([0]) is None
    assert oracle.targets([]) is None


def test_the_oracle_answers_with_the_annotation_and_not_with_the_corpus() -> None:
    told = Oracle(replace(of_corpus(LABELS), told=(LABELS + 1) % 4), TRAIN)
    assert told.reveal(TRAIN).tolist() == ((LABELS[TRAIN] + 1) % 4).tolist()
