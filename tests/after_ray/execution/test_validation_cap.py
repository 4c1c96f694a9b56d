"""With `validation_cap: labelled` a round uses no more validation labels than it has labelled ones."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.classifiers import Labelled
from after_ray.classifiers._settings import ClassifierSettings, FunctionalsSettings
from after_ray.classifiers.functionals import FunctionalsClassifier
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.metrics import evaluate
from after_ray.splits._settings import FoldChoice, ValidationCap
from after_ray.stages import AudioStage, NextRoundStage
from after_ray.store import MODEL_FILE, PREDICTIONS_FILE, Record, Store
from tests.after_ray.execution.chains import (
    TRANSFORMER,
    first_round,
    following,
    prepared,
    results,
    run_needs,
)

SHARE = 40.0  # percent: 19 validation utterances, 29 of train
SIZES = (8, 12, 16, 22)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")


def chain(
    execution: Execution, classifier: ClassifierSettings, cap: ValidationCap = "labelled"
) -> NextRoundStage:
    first = first_round(prepared(execution), classifier, SHARE, cap)
    run_needs(first, execution)
    return following(first, sizes=SIZES)


def rounds_of(execution: Execution, last: NextRoundStage) -> list[tuple[Record, dict[str, NDArray[Any]]]]:
    store = Store(execution.store)
    records = [store.need(stage.key) for stage in last.chain]
    return [(record, store.arrays(record, PREDICTIONS_FILE)) for record in records]


def test_training_and_records_use_nested_sets_no_larger_than_the_labelled(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[NDArray[np.int64]] = []
    fit = FunctionalsClassifier.fit

    def watched(self: Any, train: Labelled, validation: Labelled, **others: Any) -> Any:
        assert len(validation.rows) == len(validation.labels) <= len(train.rows)
        seen.append(validation.rows)
        return fit(self, train, validation, **others)

    monkeypatch.setattr(FunctionalsClassifier, "fit", watched)
    last = chain(execution, FunctionalsSettings())
    run(last, execution)
    found = rounds_of(execution, last)
    whole = int(found[0][0].measures["validation"] or 0)
    assert SIZES[2] < whole < SIZES[3], "the cap shall bind in all rounds but the last"
    for size, rows, (record, predictions) in zip(SIZES, seen, found, strict=True):
        assert record.measures["validation_used"] == len(rows) == min(size, whole)
        assert record.measures["validation"] == whole
        np.testing.assert_array_equal(predictions["validation_rows"], rows)
        scores = evaluate(predictions["validation_log_probabilities"], predictions["validation_truth"])
        assert record.measures["validation_loss"] == scores.loss
        assert record.measures["validation_ua"] == scores.ua
    for smaller, larger in itertools.pairwise(seen):
        assert set(smaller.tolist()) <= set(larger.tolist())


def test_without_the_cap_every_round_uses_the_whole_part(execution: Execution) -> None:
    last = chain(execution, FunctionalsSettings(), "none")
    run(last, execution)
    for record, predictions in rounds_of(execution, last):
        assert record.measures["validation_used"] == record.measures["validation"]
        assert len(predictions["validation_rows"]) == record.measures["validation"] > SIZES[0]


def test_the_set_does_not_depend_on_the_seed_of_the_run(execution: Execution) -> None:
    last = chain(execution, FunctionalsSettings())
    used = []
    for seed in (5, 6):
        record = run(replace(last.first, seed=seed), execution)
        used.append(Store(execution.store).arrays(record, PREDICTIONS_FILE)["validation_rows"])
    np.testing.assert_array_equal(*used)


@pytest.mark.slow
def test_weights_dropped_under_a_cap_are_trained_again_to_the_same_bits(execution: Execution) -> None:
    """Early stopping chooses weights by the validation set, which must be that of the round."""
    last = chain(execution, TRANSFORMER)
    run(last, execution)
    store, middle = Store(execution.store), last.chain[2]
    assert not store.has(store.need(middle.key), MODEL_FILE)
    branch = NextRoundStage(middle, SIZES[-1], "margin", "previous")
    run(branch, execution)
    again = replace(execution, store=execution.store + "-2", cache=execution.cache + "-2")
    chain(again, TRANSFORMER)
    run(branch, again)
    assert results(execution, branch) == results(again, branch)


def both(cap: ValidationCap) -> NextRoundStage:
    return following(first_round(AudioStage("0123"), TRANSFORMER, cap=cap))


def test_the_cap_is_in_the_key_of_every_round_and_of_nothing_else() -> None:
    without, capped = both("none"), both("labelled")
    for one, other in zip(without.chain, capped.chain, strict=True):
        assert one.key != other.key
    assert "validation_cap" not in without.first.meaning()
    assert capped.first.meaning()["validation_cap"] == "labelled"
    assert [stage.key for stage in without.first.needs()] == [stage.key for stage in capped.first.needs()]
    assert "validation_cap" not in FoldChoice().meaning()
