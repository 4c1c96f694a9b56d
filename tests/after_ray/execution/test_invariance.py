"""What a corpus' files are called, where they lie, how they are listed: no key, pick or bit depends on it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import soundfile

from after_ray.classifiers._settings import ClassifierSettings, FunctionalsSettings
from after_ray.corpora import _files
from after_ray.corpora._base import Entry, open_source, scan
from after_ray.corpora._settings import CorpusSettings, CsvSettings, SaveeSettings, SyntheticSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.execution.corpus import prepare_audio
from after_ray.stages import AudioStage, NextRoundStage
from after_ray.store import Store
from tests.after_ray.execution.chains import TRANSFORMER, first_round, results, run_needs

SPEECH = SyntheticSettings(speakers=4, sentences=3)
SIZES = (8, 14, 20)
STRATEGIES = ("random", "entropy")
SPEAKERS = dict(zip(("01", "02", "03", "04"), ("DC", "JE", "JK", "KL"), strict=True))
LETTERS = {"anger": "a", "happy": "h", "neutral": "n", "sad": "sa"}

Results: TypeAlias = list[tuple[object, ...]]


def entries() -> tuple[Entry, ...]:
    return open_source(SPEECH).listing().entries  # type: ignore[attr-defined]


def speak(root: Path, path_of: Callable[[Entry], str]) -> Path:
    """Write every utterance where `path_of` says; the suffix is the codec."""
    source = open_source(SPEECH)
    for entry in entries():
        file = root / path_of(entry)
        file.parent.mkdir(parents=True, exist_ok=True)
        wave = source.read(entry.path)
        soundfile.write(file, wave.samples, wave.sample_rate, subtype="PCM_16")
    return root


def table(file: Path, rows: Iterable[Entry], suffix: str) -> Path:
    """A CSV of the rows, in their order."""
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["path", "speaker", "emotion", "gender"])
        writer.writerows([entry.path + suffix, entry.speaker, entry.emotion, entry.gender] for entry in rows)
    return file


def trajectories(corpus: CorpusSettings, folder: Path, classifier: ClassifierSettings) -> Results:
    """Keys, measures, picks and probabilities of every round of one trajectory per strategy."""
    execution = Execution(str(folder / "store"), str(folder / "cache"), device="cpu")
    found, store = scan(corpus, folder / "scans"), Store(execution.store)
    audio = AudioStage(found.manifest.digest, found.manifest.corpus)
    prepare_audio(audio, found, corpus, store)
    first = first_round(audio, classifier)
    run_needs(first, execution)
    every: Results = []
    for strategy in STRATEGIES:
        last = NextRoundStage(
            NextRoundStage(first, SIZES[1], strategy, "previous"), SIZES[2], strategy, "previous"
        )
        run(last, execution)
        every += results(execution, last)
    return every


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    fix_threads(1)


def own_corpus(root: Path, rows: Iterable[Entry], suffix: str = ".wav") -> CsvSettings:
    speak(root, lambda entry: entry.path + suffix)
    return CsvSettings(file=str(table(root / "list.csv", rows, suffix)), called="own")


def shuffled() -> list[Entry]:
    found = entries()
    return [found[index] for index in np.random.default_rng(0).permutation(len(found))]


@pytest.mark.parametrize(
    "classifier",
    [
        pytest.param(FunctionalsSettings(), id="functionals"),
        pytest.param(TRANSFORMER, id="adapted_transformer", marks=pytest.mark.slow),
    ],
)
def test_a_table_in_another_order_with_its_files_elsewhere_and_as_flac_is_the_same_corpus(
    tmp_path: Path, classifier: ClassifierSettings
) -> None:
    here = own_corpus(tmp_path / "here", entries())
    there = own_corpus(tmp_path / "another" / "place", shuffled(), ".flac")
    expected = trajectories(here, tmp_path / "one", classifier)
    assert len({str(acquired) for _, _, acquired, _ in expected}) == 5, "strategies shall differ"
    assert trajectories(there, tmp_path / "two", classifier) == expected


def test_a_folder_in_another_layout_listed_backwards_is_the_same_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SAVEE as released, and half of it as a mirror has it, in other folders under other names."""

    def official(entry: Entry) -> str:
        return f"AudioData/{SPEAKERS[entry.speaker]}/{LETTERS[entry.emotion]}{entry.sentence}.wav"

    def mixed(entry: Entry) -> str:
        speaker, name = SPEAKERS[entry.speaker], f"{LETTERS[entry.emotion]}{entry.sentence}"
        return f"data/{speaker}/{name}.wav" if speaker < "JK" else f"ALL/{speaker}_{name}.flac"

    released, mirrored = speak(tmp_path / "savee", official), speak(tmp_path / "elsewhere", mixed)
    expected = trajectories(savee(released), tmp_path / "one", FunctionalsSettings())
    listed = _files._visible
    monkeypatch.setattr(_files, "_visible", lambda folder: sorted(listed(folder), key=by_name, reverse=True))
    assert trajectories(savee(mirrored), tmp_path / "two", FunctionalsSettings()) == expected


def savee(root: Path) -> SaveeSettings:
    return SaveeSettings(root=str(root), altered="accept")


def by_name(entry: object) -> str:
    return entry.name  # type: ignore[attr-defined]
