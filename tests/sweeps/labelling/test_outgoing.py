"""Labels leave as a table that a study reads, and answers as another labelling takes them in."""

from __future__ import annotations

from pathlib import Path

from after_ray.labelling import Answer
from sweeps.labelling import csv_batch
from sweeps.labelling.incoming import take
from sweeps.labelling.outgoing import write_answers, write_labels
from sweeps.planning.opening import open_study
from tests.sweeps.labelling.calls import read_rows, study_in
from tests.sweeps.labelling.conftest import Begin, Recordings, went_on


def test_labels_are_a_corpus_with_votes(begin: Begin, recordings: Recordings, tmp_path: Path) -> None:
    opened = begin(annotators=2)
    clips = opened.stands().waiting
    lost, *told = clips
    opened.journal.add(recordings.answers(tuple(told), "ann"), "page")
    opened.journal.add(recordings.answers(tuple(told), "bo"), "page")
    opened.journal.add([Answer(lost.utterance, who, None) for who in ("ann", "bo")], "page")
    file = tmp_path / "labels.csv"
    assert write_labels(file, opened) == len(told)
    went_on(opened)
    assert write_labels(file, opened) == len(told), "what was trained on is among them"
    truth = {clip.path: recordings.emotion(clip.utterance) for clip in told}
    for row in read_rows(file):
        emotion = truth[row["path"]]
        assert (row["emotion"], row["votes"]) == (emotion, f"{emotion}=2")
    corpus = {"name": "csv", "file": str(file), "root": str(opened.root)}
    study = study_in(tmp_path, corpus=corpus, annotation="soft", schedule=[60], fold="all", protocol="paper")
    (scan,) = open_study(study, tmp_path / "other").scans
    assert len(scan.manifest) == len(told)


def test_answers_are_taken_in_by_another_labelling(
    begin: Begin, recordings: Recordings, tmp_path: Path
) -> None:
    opened = begin()
    clips = opened.stands().waiting
    opened.journal.add([Answer(clips[0].utterance, "ann", None)], "page")
    opened.journal.add(recordings.answers(clips[1:3]), "page")
    assert write_answers(tmp_path / "answers.csv", opened) == 3
    rows = csv_batch.read(tmp_path / "answers.csv", "nobody")
    given = opened.journal.standing()
    assert [row.answer for row in rows] == [given[clip.utterance]["ann"] for clip in clips[:3]]
    assert take(opened, opened.stands(), tmp_path / "answers.csv", rows, "csv").known == 3
