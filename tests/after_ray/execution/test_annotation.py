"""Rounds whose oracle answers with votes, soft labels or wrong ones: what they learn and what they record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from after_ray.annotation import CORPUS, AnnotationSettings, Answers, answer
from after_ray.classifiers import Labelled
from after_ray.classifiers._settings import FunctionalsSettings, LightSerNetSettings
from after_ray.classifiers.functionals import FunctionalsClassifier
from after_ray.corpora._base import Scan, scan
from after_ray.environment import Execution, fix_threads
from after_ray.errors import NoVotes
from after_ray.execution import run
from after_ray.execution.corpus import prepare_audio
from after_ray.manifest import Manifest
from after_ray.seeds import SeedTree
from after_ray.stages import AudioStage, FirstRoundStage, NextRoundStage
from after_ray.store import PREDICTIONS_FILE, Store
from tests.after_ray.execution.chains import CORPUS as SOUNDS
from tests.after_ray.execution.chains import SIZES, first_round, following, results, run_needs

SOFT = AnnotationSettings(name="soft")
VOTES = AnnotationSettings(name="votes", of=3)
LIGHT = LightSerNetSettings(steps=6, evaluations=3, batch_size=8)
Trained = list[tuple[Labelled, Labelled]]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    return Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Trained:
    """What every training was given: train and validation."""
    seen: Trained = []
    fit = FunctionalsClassifier.fit

    def watched(self: Any, train: Labelled, validation: Labelled, **others: Any) -> Any:
        seen.append((train, validation))
        return fit(self, train, validation, **others)

    monkeypatch.setattr(FunctionalsClassifier, "fit", watched)
    return seen


def voted(found: Scan) -> Manifest:
    """The corpus with five votes for every utterance, most of them for its emotion."""
    manifest, draws = found.manifest, np.random.default_rng(0)
    cells = []
    for label in manifest.labels.tolist():
        counts = draws.multinomial(5, 0.1 + 0.6 * np.eye(len(manifest.classes))[label])
        named = zip(manifest.classes, counts.tolist(), strict=True)
        cells.append(" ".join(f"{name}={count}" for name, count in named if count))
    return Manifest(manifest.corpus, manifest.table.assign(votes=cells))


def prepared(execution: Execution, votes: bool = True) -> tuple[AudioStage, Manifest]:
    found = scan(SOUNDS, Path(execution.store) / "scans")
    manifest = voted(found) if votes else found.manifest
    audio = AudioStage(manifest.digest, manifest.corpus)
    prepare_audio(audio, replace(found, manifest=manifest), SOUNDS, Store(execution.store))
    return audio, manifest


def chain(
    execution: Execution,
    audio: AudioStage,
    annotation: AnnotationSettings = CORPUS,
    noise: float = 0.0,
    classifier: Any = None,
) -> NextRoundStage:
    first = first_round(audio, classifier or FunctionalsSettings())
    first = replace(first, annotation=annotation, label_noise=noise)
    run_needs(first, execution)
    return following(first)


def told(manifest: Manifest, first: FirstRoundStage) -> Answers:
    """What the annotators of a trajectory answer."""
    seeds, classes = SeedTree(first.seed), len(manifest.classes)
    return answer(manifest.labels, manifest.votes, classes, first.annotation, first.label_noise, seeds)


def rows_of(manifest: Manifest, names: list[str]) -> NDArray[np.int64]:
    place = {name: row for row, name in enumerate(manifest.table["utterance"])}
    return np.array([place[name] for name in names], dtype=np.int64)


def test_classifiers_are_trained_on_the_answers_and_chosen_and_judged_by_clean_labels(
    execution: Execution, trained: Trained
) -> None:
    audio, manifest = prepared(execution)
    last = chain(execution, audio, SOFT, 0.2)
    run(last, execution)
    answers = told(manifest, last.first)
    assert answers.targets is not None
    assert len(trained) == len(SIZES)
    for size, (train, validation) in zip(SIZES, trained, strict=True):
        assert len(train.rows) == size
        np.testing.assert_array_equal(train.labels, answers.told[train.rows])
        np.testing.assert_array_equal(train.targets, answers.targets[train.rows])
        np.testing.assert_array_equal(validation.labels, manifest.labels[validation.rows])
        assert validation.targets is None
    train = trained[-1][0]
    assert (train.labels != manifest.labels[train.rows]).any(), "no label was wrong: the test shows nothing"
    predictions = Store(execution.store).arrays(Store(execution.store).need(last.key), PREDICTIONS_FILE)
    for part in ("test", "validation"):
        rows = predictions[f"{part}_rows"]
        np.testing.assert_array_equal(predictions[f"{part}_truth"], manifest.labels[rows])


def test_rounds_record_annotations_spent_and_shares_of_wrong_labels(execution: Execution) -> None:
    audio, manifest = prepared(execution)
    last = chain(execution, audio, VOTES, 0.3)
    run(last, execution)
    answers, acquired = told(manifest, last.first), list[NDArray[np.int64]]()
    wrong = answers.told != manifest.labels
    assert wrong.any()
    for number, stage in enumerate(last.chain):
        record = Store(execution.store).need(stage.key)
        acquired.append(rows_of(manifest, record.details["acquired"]))
        labelled = np.concatenate(acquired)
        assert record.measures["annotations"] == 3 * len(labelled) == 3 * SIZES[number]
        assert record.measures["wrong"] == wrong[labelled].mean()
        later = np.concatenate(acquired[1:]) if number else None
        expected = None if later is None else wrong[later].mean()
        assert record.measures["wrong_acquired"] == expected
        assert record.measures["revealed"] == record.measures["labelled"] == len(labelled)


def test_votes_cost_what_there_are_and_majorities_may_be_wrong_without_noise(execution: Execution) -> None:
    audio, manifest = prepared(execution)
    last = chain(execution, audio, SOFT)
    record = run(last, execution)
    assert record.measures["annotations"] == 5 * SIZES[-1]
    names = (name for one in last.chain for name in Store(execution.store).need(one.key).details["acquired"])
    rows = rows_of(manifest, list(names))
    wrong = (told(manifest, last.first).told != manifest.labels)[rows]
    assert record.measures["wrong"] == wrong.mean() > 0
    assert record.measures["wrong_acquired"] == wrong[SIZES[0] :].mean()
    plain = run(chain(execution, audio), execution)
    assert not {"annotations", "wrong", "wrong_acquired"} & plain.measures.keys()


def test_noise_needs_no_votes_and_changes_what_is_learned(execution: Execution) -> None:
    audio, _ = prepared(execution, votes=False)
    clean, noisy = (chain(execution, audio, noise=noise) for noise in (0.0, 0.3))
    run(clean, execution)
    record = run(noisy, execution)
    assert record.measures["annotations"] == SIZES[-1]
    assert 0 < float(record.measures["wrong"] or 0) < 0.7
    assert [one[1:] for one in results(execution, clean)] != [one[1:] for one in results(execution, noisy)]


def test_all_strategies_are_told_the_same_of_the_same_utterance(
    execution: Execution, trained: Trained
) -> None:
    audio, _ = prepared(execution)
    last = chain(execution, audio, AnnotationSettings(name="single"), 0.2)
    other = NextRoundStage(last.first, SIZES[-1], "random", "previous")
    run(last, execution)
    run(other, execution)
    one, another = trained[len(SIZES) - 1][0], trained[-1][0]
    common, here, there = np.intersect1d(one.rows, another.rows, return_indices=True)
    assert len(common) > SIZES[0], "the two have only round 0 in common"
    np.testing.assert_array_equal(one.labels[here], another.labels[there])


@pytest.mark.slow
def test_a_network_learns_soft_labels_to_the_same_bits_after_its_weights_were_dropped(
    execution: Execution,
) -> None:
    audio, _ = prepared(execution)
    last = chain(execution, audio, SOFT, classifier=LIGHT)
    run(last, execution)
    branch = NextRoundStage(last.chain[1], SIZES[-1], "margin", "previous")  # its weights are trained again
    run(branch, execution)
    again = replace(execution, store=execution.store + "-2", cache=execution.cache + "-2")
    prepared(again)
    run_needs(last.first, again)
    run(branch, again)
    assert results(execution, branch) == results(again, branch)


def test_utterances_without_votes_are_refused_before_anything_is_trained(
    execution: Execution, trained: Trained
) -> None:
    audio, _ = prepared(execution, votes=False)
    with pytest.raises(NoVotes, match=r"The annotation soft reads the votes .* corpus 'synthetic'"):
        run(chain(execution, audio, SOFT), execution)
    assert trained == []


def test_answers_are_in_the_keys_of_rounds_and_only_where_they_are_not_the_corpus_own() -> None:
    first = first_round(AudioStage("0123"), FunctionalsSettings())
    others = [
        replace(first, annotation=SOFT),
        replace(first, annotation=VOTES),
        replace(first, annotation=AnnotationSettings(name="votes", of=5)),
        replace(first, label_noise=0.1),
        replace(first, annotation=SOFT, label_noise=0.1),
    ]
    assert len({one.key for one in (first, *others)}) == 6
    assert not {"annotation", "label_noise"} & first.meaning().keys()
    assert others[1].meaning()["annotation"] == {"name": "votes", "of": 3}
    assert others[3].meaning()["label_noise"] == 0.1
    assert replace(first, label_noise=0).key == first.key
    assert following(others[0]).key != following(first).key
    assert [stage.key for stage in others[0].needs()] == [stage.key for stage in first.needs()]
