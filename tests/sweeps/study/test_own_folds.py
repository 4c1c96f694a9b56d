"""Corpora of four speakers: the default study of each has a fold per speaker, and every fold can be run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from after_ray.corpora._base import Scan
from after_ray.environment import Execution
from after_ray.errors import BadFold
from after_ray.execution import run
from after_ray.execution.corpus import prepare_audio
from after_ray.stages import MADE_BY_DRIVER
from after_ray.store import Record
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.planning.trajectories import Trajectory
from tests.after_ray.corpora.trees import wav

STUDY = """\
study: four
corpus: {name: NAME, root: ROOT, altered: accept}
classifier: functionals
schedule: [50]
"""
STYLES = {"Angry": "anger", "Neutral": "neutral"}


def savee() -> Iterator[str]:
    for speaker in ("DC", "JE", "JK", "KL"):
        for number in range(1, 7):
            yield from (f"AudioData/{speaker}/{letter}{number:02}.wav" for letter in ("a", "h", "n", "sa"))


def emovdb() -> Iterator[str]:
    """As released: nobody recorded an angry josh."""
    for speaker in ("bea", "jenie", "josh", "sam"):
        for style, word in STYLES.items():
            if (speaker, style) != ("josh", "Angry"):
                yield from (f"{speaker}/{style}/{word}_1-28_{number:04}.wav" for number in range(1, 13))


FILES = {"savee": savee, "emovdb": emovdb}


def opened(folder: Path, name: str, *overrides: str) -> OpenStudy:
    """The default study of a corpus, of clips of half a second."""
    for number, path in enumerate(FILES[name]()):
        file = folder / "corpus" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(wav(number, samples=8000))
    study = folder / "four.yaml"
    study.write_text(STUDY.replace("NAME", name).replace("ROOT", str(folder / "corpus")))
    return open_study(study, folder / "store", overrides)


def held_out(study: OpenStudy) -> list[set[str]]:
    """Who is tested in each fold."""
    speakers = study.scans[0].manifest.table["speaker"].to_numpy(dtype=object)
    return [set(speakers[fold.test]) for fold in study.plan.splits[0].table.folds]


@pytest.mark.parametrize(
    ("name", "speakers"),
    [("savee", ("DC", "JE", "JK", "KL")), ("emovdb", ("bea", "jenie", "josh", "sam"))],
)
def test_the_default_study_of_four_speakers_has_a_fold_for_each(
    tmp_path: Path, name: str, speakers: tuple[str, ...]
) -> None:
    study = opened(tmp_path, name)
    assert held_out(study) == [{speaker} for speaker in speakers]
    assert sorted({cell.axes.fold for cell in study.plan.cells}) == [0, 1, 2, 3]


def test_groups_of_the_four_can_be_asked_for_and_five_cannot(tmp_path: Path) -> None:
    groups = ("protocol.folds.scheme=speaker_groups", "protocol.folds.count=2")
    assert [len(fold) for fold in held_out(opened(tmp_path, "savee", *groups))] == [2, 2]
    with pytest.raises(BadFold, match="5 folds were asked for, and it is cut by its 4 speakers"):
        opened(tmp_path, "savee", "protocol.folds.count=5")


def test_a_merged_corpus_that_tests_savee_is_cut_by_its_speakers(tmp_path: Path) -> None:
    opened(tmp_path, "savee")
    synthetic = "{name: synthetic, speakers: 4, sentences: 2}"
    member = f"{{name: savee, root: {tmp_path / 'corpus'}, altered: accept}}"
    merged = f"corpus={{name: merged, members: [{member}, {synthetic}], test_corpus: savee}}"
    study = open_study(tmp_path / "four.yaml", tmp_path / "store", (merged,))
    assert held_out(study) == [{f"savee/{speaker}"} for speaker in ("DC", "JE", "JK", "KL")]


def test_the_speaker_without_anger_is_tested_on_the_class_he_has(tmp_path: Path) -> None:
    study = opened(tmp_path, "emovdb", "fold=[2]")
    (found,), (fold,) = study.scans, study.plan.splits[0].table.folds[2:3]
    assert set(found.manifest.table["emotion"].iloc[fold.test]) == {"neutral"}
    for part in (fold.train, fold.validation):
        assert set(found.manifest.table["emotion"].iloc[part]) == {"anger", "neutral"}
    record = ran(study, found, study.plan.trajectories[0], tmp_path)
    assert record.details["test_speakers"] == ["josh"]
    # UA is the recall of the one class that is tested, hence WA.
    assert record.measures["ua"] == pytest.approx(record.measures["wa"])
    assert np.isfinite(record.measures["ua"] or np.nan)


def ran(study: OpenStudy, found: Scan, trajectory: Trajectory, folder: Path) -> Record:
    """The record of the last round, made in this process."""
    execution = Execution(str(study.store.root), str(folder / "cache"), device="cpu")
    first = trajectory.first
    prepare_audio(first.audio, found, study.study.corpus[0], study.store)
    for stage in reversed(first.needs()):
        if not isinstance(stage, MADE_BY_DRIVER):
            run(stage, execution)
    return run(trajectory.last, execution)
