"""The generated corpus: deterministic, extensible, learnable and not too easy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from after_ray.corpora._base import open_source, scan
from after_ray.corpora._settings import SyntheticSettings
from after_ray.errors import AfterRayError
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice
from after_ray.splits.folds import fold
from after_ray.splits.oracle import Evaluator
from after_ray.splits.parts import Fold

SMALL = SyntheticSettings(speakers=3, sentences=2)


def test_a_manifest_has_every_speaker_sentence_emotion_and_repetition(tmp_path: Path) -> None:
    table = scan(SyntheticSettings(speakers=3, sentences=2, repetitions=2), tmp_path).manifest.table
    assert len(table) == 3 * 2 * 4 * 2
    assert set(table["emotion"]) == {"anger", "happy", "neutral", "sad"}
    assert table.groupby("speaker")["gender"].first().to_dict() == {
        "01": "male", "02": "female", "03": "male",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_samples_and_another_seed_others() -> None:
    def digest(seed: int) -> str:
        return open_source(SyntheticSettings(seed=seed)).read("01-01-anger-01").digest

    assert digest(5) == digest(5)
    assert digest(5) != digest(6)


def test_a_larger_corpus_holds_the_smaller_one_unchanged(tmp_path: Path) -> None:
    small = scan(SMALL, tmp_path).manifest.table.set_index("utterance")["audio"]
    larger = SyntheticSettings(speakers=4, sentences=3, repetitions=2)
    large = scan(larger, tmp_path).manifest.table.set_index("utterance")["audio"]
    assert small.equals(large.loc[small.index])


def test_audio_is_16_khz_and_neither_clipped_nor_silent(tmp_path: Path) -> None:
    table = scan(SMALL, tmp_path).manifest.table
    assert set(table["sample_rate"]) == {16000}
    assert 1.0 < table["seconds"].mean() < 1.9
    peaks = [np.abs(open_source(SMALL).read(path).mono()).max() for path in table["path"]]
    assert min(peaks) > 0.02
    assert max(peaks) < 0.999


def test_seconds_sets_the_mean_length(tmp_path: Path) -> None:
    settings = SyntheticSettings(speakers=4, sentences=3, seconds=2.5)
    assert scan(settings, tmp_path).manifest.table["seconds"].mean() == pytest.approx(2.5, rel=0.12)


def test_an_unknown_path_is_refused() -> None:
    with pytest.raises(AfterRayError, match="no utterance of the synthetic corpus"):
        open_source(SMALL).read("01-01-joy-01")


def level_and_length(settings: SyntheticSettings, emotion: str) -> NDArray[np.float64]:
    corpus = open_source(settings)
    waves = [corpus.read(entry.path).mono() for entry in corpus.listing().entries if entry.emotion == emotion]
    return np.array([[20 * np.log10(np.sqrt(np.mean(wave**2))), len(wave)] for wave in waves])


def test_anger_is_louder_and_faster_than_sadness_on_average_but_classes_overlap() -> None:
    settings = SyntheticSettings(speakers=6, sentences=3)
    angry, sad = level_and_length(settings, "anger"), level_and_length(settings, "sad")
    assert angry[:, 0].mean() > sad[:, 0].mean() + 3
    assert angry[:, 1].mean() < sad[:, 1].mean()
    neutral = level_and_length(settings, "neutral")
    assert (neutral[:, 0] > angry[:, 0].min()).any()
    assert (neutral[:, 0] < sad[:, 0].max()).any()


def simple_features(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean and deviation of 24 log bands and the level, the pitch by autocorrelation, and the length."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, 640)[::320].astype(np.float64)
    power = np.abs(np.fft.rfft(frames * np.hanning(640), 1280)) ** 2
    edges = np.unique(np.geomspace(4, 640, 25).astype(int))
    bands = np.log(np.add.reduceat(power, edges[:-1], axis=1) + 1e-6)
    correlation = np.fft.irfft(power)[:, :400]
    lags = correlation[:, 40:260].argmax(axis=1) + 40
    loud = power.sum(axis=1) > np.median(power.sum(axis=1))
    pitch = np.log2(16000 / lags[loud])
    statistics = [np.median(pitch), pitch.std(), np.log(len(wave))]
    return np.concatenate([bands.mean(axis=0), bands.std(axis=0), statistics])


def accuracy(
    features: NDArray[np.float64], manifest: Manifest, parts: Fold, rows: NDArray[np.int64]
) -> float:
    """UA on the test part of a logistic regression trained on `rows`."""
    scaler = StandardScaler().fit(features[parts.train])
    model = LogisticRegression(max_iter=500).fit(scaler.transform(features[rows]), manifest.labels[rows])
    predictions = np.full((len(parts.test), len(manifest.classes)), -50.0)
    predictions[:, model.classes_] = model.predict_log_proba(scaler.transform(features[parts.test]))
    return Evaluator(manifest.labels, parts.test).evaluate(predictions).ua


def test_it_can_be_learnt_from_all_labels_and_hardly_from_eight(tmp_path: Path) -> None:
    settings = SyntheticSettings()
    manifest = scan(settings, tmp_path).manifest
    corpus = open_source(settings)
    features = np.stack([simple_features(corpus.read(path).mono()) for path in manifest.table["path"]])
    generator = np.random.default_rng(0)
    few, full = [], []
    for index in range(5):
        parts = fold(manifest, FoldChoice(index=index))
        full.append(accuracy(features, manifest, parts, parts.train))
        few += [accuracy(features, manifest, parts, generator.permutation(parts.train)[:8]) for _ in range(4)]
    assert 0.70 < np.mean(full) < 0.92
    assert 0.35 < np.mean(few) < 0.60
