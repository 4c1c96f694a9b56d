"""A trajectory that is stopped anywhere and continued ends with the numbers of an undisturbed one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from after_ray.backbones.identity import provenance
from after_ray.classifiers._settings import ClassifierSettings, FunctionalsSettings, LightSerNetSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.execution.corpus import open_corpus
from after_ray.execution.rounds import MODEL_FILE, PREDICTIONS_FILE, Trajectory
from after_ray.learning.settings import Restart
from after_ray.stages import FirstRoundStage, FoldsStage, NextRoundStage, rounds
from after_ray.store import SELECTION_FILE, Store
from tests.after_ray.execution.chains import BACKBONE, SIZES, TRANSFORMER, chain, results


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")


CLASSIFIERS = [
    pytest.param(FunctionalsSettings(), "pretrained", id="functionals"),
    pytest.param(
        LightSerNetSettings(steps=6, evaluations=2, batch_size=8),
        "previous",
        id="light_sernet",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        TRANSFORMER,
        "previous",
        id="pooled_transformer",
        marks=pytest.mark.slow,
    ),
]


def spoil_global_generators() -> None:
    """Another process has other global generators, which must not matter."""
    torch.rand(1)
    np.random.random()  # noqa: NPY002


@pytest.mark.parametrize(("classifier", "restart"), CLASSIFIERS)
@pytest.mark.parametrize("rounds_before_the_kill", [1, 3])
def test_a_killed_trajectory_continues_to_the_same_bits(
    tmp_path: Path, classifier: ClassifierSettings, restart: Restart, rounds_before_the_kill: int
) -> None:
    undisturbed = Execution(str(tmp_path / "a"), str(tmp_path / "ca"), device="cpu")
    last = chain(undisturbed, classifier, restart)
    run(last, undisturbed)
    disturbed = Execution(str(tmp_path / "b"), str(tmp_path / "cb"), device="cpu")
    chain(disturbed, classifier, restart)
    first_process = Trajectory(last, disturbed)
    for _ in range(rounds_before_the_kill):
        first_process.advance()
    spoil_global_generators()
    finished_at = Store(disturbed.store).need(last.first.key).finished
    run(last, disturbed)
    assert results(disturbed, last) == results(undisturbed, last)
    assert Store(disturbed.store).need(last.first.key).finished == finished_at, "round 0 was run again"


@pytest.mark.parametrize(
    ("classifier", "restart"),
    [*CLASSIFIERS, pytest.param(TRANSFORMER, "shrink_perturb", id="shrink_perturb", marks=pytest.mark.slow)],
)
def test_weights_that_were_dropped_are_trained_again_to_the_same_bits(
    execution: Execution, classifier: ClassifierSettings, restart: Restart
) -> None:
    """With `previous`, those of the dropped round before are needed, and trained again first."""
    last = chain(execution, classifier, restart)
    run(last, execution)
    store = Store(execution.store)
    kept = [store.has(store.need(stage.key), MODEL_FILE) for stage in last.chain]
    assert kept == [True, False, False, True], "round 0, which others start from, and the newest"
    middle = last.chain[2]
    branch = NextRoundStage(middle, SIZES[-1], "margin", restart)
    spoil_global_generators()
    run(branch, execution)
    again = replace(execution, store=execution.store + "-2", cache=execution.cache + "-2")
    chain(again, classifier, restart)
    run(branch, again)
    assert results(execution, branch) == results(again, branch)


def test_a_record_says_what_was_measured_and_where(execution: Execution) -> None:
    record = run(chain(execution, FunctionalsSettings()), execution)
    assert {"ua", "wa", "macro_f1", "loss", "ece", "validation_ua", "labelled", "updates"} <= set(
        record.measures
    )
    assert record.measures["labelled"] == SIZES[-1]
    assert {"score", "acquire", "train", "evaluate", "total"} <= set(record.seconds)
    assert len(record.details["acquired"]) == SIZES[-1] - SIZES[-2]
    assert sum(record.details["labelled_by"]["emotion"].values()) == SIZES[-1]
    assert record.environment["threads"] == 1
    assert record.environment["device"] == "cpu"
    assert set(record.details["test_speakers"]).isdisjoint(record.details["labelled_by"]["speaker"])
    assert record.details["labelled_by"]["corpus"] == {"synthetic": SIZES[-1]}
    assert record.details["ua_by_corpus"] == {"synthetic": record.measures["ua"]}


def test_a_record_scores_and_counts_every_group_of_test_utterances(execution: Execution) -> None:
    last = chain(execution, FunctionalsSettings())
    record, trajectory = run(last, execution), Trajectory(last, execution)
    table, rows = trajectory._manifest.table, trajectory._fold.test
    predictions = Store(execution.store).arrays(record, PREDICTIONS_FILE)
    for axis in ("gender", "speaker"):
        groups = table[axis].to_numpy()[rows]
        counts = {str(name): int(np.sum(groups == name)) for name in sorted(set(groups))}
        assert record.details["test_by"][axis] == counts
        assert len(counts) > 1
        scores = record.details["ua_by"][axis]
        assert list(scores) == list(counts)
        for name, score in scores.items():
            chosen = groups == name
            truth = predictions["test_truth"][chosen]
            right = predictions["test_log_probabilities"][chosen].argmax(axis=1) == truth
            assert score == pytest.approx(np.mean([right[truth == label].mean() for label in set(truth)]))


def test_a_record_knows_what_was_there_to_be_labelled(execution: Execution) -> None:
    """Without it, nobody can say whether a labelled set is like the utterances that it was chosen from."""
    last = chain(execution, FunctionalsSettings())
    record, trajectory = run(last, execution), Trajectory(last, execution)
    train = trajectory._manifest.table.iloc[trajectory._fold.train]
    assert record.details["train_by"]["emotion"] == train["emotion"].value_counts().to_dict()
    assert record.details["train_by"]["corpus"] == {"synthetic": record.measures["train"]}
    assert record.details["train_seconds"] == pytest.approx(train["seconds"].sum())


def test_a_round_keeps_how_its_pool_was_ranked(execution: Execution) -> None:
    last = chain(execution, FunctionalsSettings())
    record = run(last, execution)
    kept = Store(execution.store).arrays(record, SELECTION_FILE)
    names = open_corpus(last.first.audio, execution).manifest.table["utterance"].to_numpy()
    order = np.argsort(kept["ranks"])
    acquired = names[kept["rows"][order]][: len(record.details["acquired"])].tolist()
    assert acquired == record.details["acquired"], "the best ranks are what was acquired"
    assert kept["ranks"][order].tolist() == list(range(1, len(order) + 1))
    scores = kept["scores"][order][: len(acquired)]
    np.testing.assert_allclose(scores, record.details["acquired_scores"], rtol=1e-6)
    assert len(order) == record.measures["train"] - SIZES[-2]


def test_rounds_of_a_budget_in_seconds_label_no_more_audio_than_that(execution: Execution) -> None:
    counted = chain(execution, FunctionalsSettings())
    train = run(counted.first, execution).details["train_seconds"]
    seconds = [share * train for share in (0.2, 0.4, 0.7, 1.0)]
    last: FirstRoundStage | NextRoundStage = replace(counted.first, seconds=seconds[0])
    for stage, most in zip(counted.chain[1:], seconds[1:], strict=True):
        assert isinstance(stage, NextRoundStage)
        last = replace(stage, previous=last, seconds=most)
    run(last, execution)
    store = Store(execution.store)
    records = [store.need(stage.key) for stage in rounds(last)]
    for record, most in zip(records, seconds, strict=True):
        assert 0 <= most - record.measures["labelled_seconds"] + 1e-6 < 4.0, "the next clip would not fit"
    assert records[-1].measures["labelled"] == records[-1].measures["train"]
    assert records[1].measures["labelled"] != counted.chain[1].size


def test_a_strategy_that_does_not_rank_the_pool_keeps_no_ranking(execution: Execution) -> None:
    last = chain(execution, FunctionalsSettings())
    assert isinstance(last, NextRoundStage)
    record = run(replace(last, strategy="random"), execution)
    assert SELECTION_FILE not in record.files


def test_a_record_names_its_copy_and_its_folds(execution: Execution) -> None:
    """As they are in the store: what would be scanned or drawn now may be something else."""
    last = chain(execution, FunctionalsSettings())
    first, store = last.first, Store(execution.store)
    prepared = store.need(first.audio.key)
    altered = replace(prepared, details={**prepared.details, "conformity": {"level": "altered"}})
    with_other_copy = replace(execution, store=execution.store + "-other")
    shutil.copytree(execution.store, with_other_copy.store)
    ledger = Path(with_other_copy.store) / "ledger" / prepared.key[:2] / f"{prepared.key}.json"
    written = json.loads(ledger.read_text())
    written["details"] = altered.details
    ledger.write_text(json.dumps(written))
    for place, level in ((execution, "none"), (with_other_copy, "altered")):
        details = run(first, place).details
        folds = Store(place.store).need(FoldsStage.of(first.audio, first.fold).key)
        assert details["conformity"] == level
        assert details["folds"] == {**first.fold.meaning(), "digest": folds.details["digest"]}


@pytest.mark.slow
def test_two_threads_give_equal_bits_too(tmp_path: Path) -> None:
    found = []
    for name in ("first", "again"):
        execution = Execution(str(tmp_path / name), str(tmp_path / f"{name}-cache"), threads=2, device="cpu")
        fix_threads(execution.threads)
        last = chain(execution, TRANSFORMER)
        run(last, execution)
        found.append(results(execution, last))
        assert Store(execution.store).need(last.key).environment["threads"] == 2
    assert found[0] == found[1]


def test_what_made_a_features_record_is_in_it(execution: Execution) -> None:
    by_backbone = chain(execution, TRANSFORMER).first.features
    details = Store(execution.store).need(by_backbone.key).details
    assert details["backbone"] == provenance(BACKBONE)
    assert details["precision"] == "fp32"
    plain = chain(execution, FunctionalsSettings()).first.features
    assert "backbone" not in Store(execution.store).need(plain.key).details


def test_a_test_utterance_never_reaches_training(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    from after_ray.classifiers.functionals import FunctionalsClassifier

    last = chain(execution, FunctionalsSettings())
    undisturbed = replace(execution, store=execution.store + "-plain")
    chain(undisturbed, FunctionalsSettings())
    run(last, undisturbed)
    test_rows = {
        int(row)
        for row in Store(undisturbed.store).arrays(Store(undisturbed.store).need(last.key), PREDICTIONS_FILE)[
            "test_rows"
        ]
    }
    fit = FunctionalsClassifier.fit

    def guarded(self, train, validation, **others):  # type: ignore[no-untyped-def]
        touched = test_rows & {*train.rows.tolist(), *validation.rows.tolist()}
        assert not touched, f"test rows {touched} reached training"
        return fit(self, train, validation, **others)

    monkeypatch.setattr(FunctionalsClassifier, "fit", guarded)
    run(last, execution)
    assert results(execution, last) == results(undisturbed, last)
