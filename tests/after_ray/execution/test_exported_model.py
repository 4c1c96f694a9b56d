"""A finished round as a model folder: the numbers of its record, and a card that tells what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from after_ray.classifiers._settings import ClassifierSettings, FunctionalsSettings
from after_ray.environment import Execution, fix_threads
from after_ray.errors import DamagedStore, OccupiedFolder, UnlikeRecord
from after_ray.execution import exported_model, run
from after_ray.execution.corpus import open_corpus
from after_ray.execution.exported_model import export_model, rounds_to_train
from after_ray.execution.rounds import Trajectory
from after_ray.models import Model
from after_ray.stages import NextRoundStage
from after_ray.store import MODEL_FILE, PREDICTIONS_FILE, Record, Store
from tests.after_ray.execution.chains import TRANSFORMER, chain
from tests.after_ray.models.plain import by_transformers

AGREED = 1e-5


@pytest.fixture
def execution(tmp_path: Path) -> Execution:
    fix_threads(1)
    return Execution(store=str(tmp_path / "store"), cache=str(tmp_path / "cache"))


def finished(execution: Execution, classifier: ClassifierSettings) -> NextRoundStage:
    """The last stage of a trajectory that is run."""
    last = chain(execution, classifier)
    run(last, execution)
    return last


def recorded(execution: Execution, stage: NextRoundStage) -> tuple[list[np.ndarray], np.ndarray]:
    """Waveforms of test utterances, and their probabilities in the record of a round."""
    store = Store(execution.store)
    predictions = store.arrays(store.need(stage.key), PREDICTIONS_FILE)
    corpus = open_corpus(stage.first.audio, execution)
    waves = [corpus.wave(row) for row in predictions["test_rows"].tolist()]
    return waves, np.exp(predictions["test_log_probabilities"])


def test_functionals_give_the_bits_of_the_record(execution: Execution, tmp_path: Path) -> None:
    last = finished(execution, FunctionalsSettings())
    told = export_model(last, execution, tmp_path / "model", "small", "paper")
    waves, ours = recorded(execution, last)
    model = Model.load(tmp_path / "model")
    assert np.array_equal(np.exp(model.log_probabilities(waves)), ours)
    assert (told.largest, told.compared) == (0.0, 16)
    assert (model.facts.study, model.facts.key, model.facts.kind) == ("small", last.key, "functionals")
    assert model.facts == told.facts
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"README.md", "after_ray.json", "model.safetensors", "model.ts"}
    with pytest.raises(OccupiedFolder):
        export_model(last, execution, tmp_path / "model", "small", "paper")
    without = export_model(last, execution, tmp_path / "other", "small", "paper", script=False)
    assert without.facts.scripted is None
    assert not (tmp_path / "other" / "model.ts").exists()


@pytest.mark.slow
def test_plain_transformers_gives_the_record_of_a_round_whose_weights_are_gone(
    execution: Execution, tmp_path: Path
) -> None:
    last = finished(execution, TRANSFORMER)
    store = Store(execution.store)
    middle = last.previous
    assert isinstance(middle, NextRoundStage)
    assert not store.has(store.need(middle.key), MODEL_FILE)
    assert (rounds_to_train(last, store), rounds_to_train(middle, store)) == (0, 2)
    told = export_model(middle, execution, tmp_path / "model", "small", "paper")
    assert told.largest < 1e-6
    waves, ours = recorded(execution, middle)
    (found,) = by_transformers([tmp_path / "model"], waves, tmp_path)
    np.testing.assert_allclose(found.together, ours, atol=AGREED)
    np.testing.assert_allclose(found.alone, ours, atol=AGREED)
    np.testing.assert_allclose(
        np.exp(Model.load(tmp_path / "model").log_probabilities(waves)), ours, atol=AGREED
    )
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "24 of 43 train utterances are labelled" in card
    assert "The backbone was drawn at random" in card
    assert "Then adapted by tapt to all" in card


def test_weights_that_are_not_the_records_are_not_written(
    execution: Execution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = finished(execution, FunctionalsSettings())
    store = Store(execution.store)
    others = store.arrays(store.need(last.first.key), MODEL_FILE)
    monkeypatch.setattr(Trajectory, "newest_weights", lambda _: others)
    with pytest.raises(UnlikeRecord, match="differs by"):
        export_model(last, execution, tmp_path / "model", "small", "paper")
    assert not (tmp_path / "model").exists()


def test_how_far_a_model_may_be_from_its_record_goes_by_the_format_of_the_round(
    execution: Execution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounds in 16 bits are exported in float32, which differs from them in the second digit."""
    last, need = finished(execution, FunctionalsSettings()), Store.need

    def exported(precision: str, largest: float) -> str:
        def recorded_in(store: Store, key: str) -> Record:
            record = need(store, key)
            return replace(record, details={**record.details, "precision": precision})

        monkeypatch.setattr(Store, "need", recorded_in)
        monkeypatch.setattr(exported_model, "_compared", lambda *_: (largest, 16))
        out = tmp_path / f"{precision}-{largest}"
        export_model(last, execution, out, "small", "paper", script=False)
        return (out / "README.md").read_text(encoding="utf-8")

    assert "the largest difference is 9.0e-04" in exported("fp32", 9e-4)
    assert "the largest difference is 9.0e-02" in exported("bf16", 0.09)
    for precision, largest in (("fp32", 2e-3), ("bf16", 0.2), ("fp16", 0.2)):
        with pytest.raises(UnlikeRecord, match=f"{largest:.2g}"):
            exported(precision, largest)
        assert not (tmp_path / f"{precision}-{largest}").exists()


def test_a_round_that_is_not_finished_has_no_model(execution: Execution, tmp_path: Path) -> None:
    last = chain(execution, FunctionalsSettings())
    with pytest.raises(DamagedStore, match="not finished"):
        export_model(last, execution, tmp_path / "model", "small", "paper")
    assert not (tmp_path / "model").exists()
