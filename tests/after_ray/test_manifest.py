"""The manifest: order and digest depend on the utterances alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from after_ray.errors import BadManifest, UnlabelledCorpus
from after_ray.manifest import UNKNOWN, Manifest


def table(classes: int = 2) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "utterance": ["toy/b", "toy/a", "toy/C", "toy/d"],
            "path": ["wav/b.wav", "wav/a.wav", "wav/C.wav", "wav/d.wav"],
            "speaker": ["03", "NA", "03", "08"],
            "gender": ["male", "female", "male", ""],
            "emotion": [f"e{index % classes}" for index in range(4)],
            "sentence": ["null", "a01", "", "1e5"],
            "session": ["", "", "", ""],
            "seconds": [0.1 + 0.2, 1 / 3, 2.0, 8.97825],
            "sample_rate": [16000, 48000, 16000, 16000],
            "audio": ["00", "11", "22", "33"],
        }
    )


def test_rows_are_sorted_by_utterance_in_code_point_order() -> None:
    assert list(Manifest("toy", table()).table["utterance"]) == ["toy/C", "toy/a", "toy/b", "toy/d"]


def test_reordering_and_renaming_paths_changes_nothing() -> None:
    moved = table().sample(frac=1.0, random_state=3)
    moved["path"] = "elsewhere/" + moved["path"]
    first, second = Manifest("toy", table()), Manifest("toy", moved)
    assert first.digest == second.digest
    assert np.array_equal(first.labels, second.labels)


@pytest.mark.parametrize(
    "column", ["utterance", "speaker", "gender", "emotion", "sentence", "session", "audio"]
)
def test_digest_changes_with_every_identity_column(column: str) -> None:
    changed = table()
    changed.loc[0, column] = changed.loc[0, column] + "x"
    assert Manifest("toy", changed).digest != Manifest("toy", table()).digest


def test_digest_does_not_depend_on_seconds() -> None:
    changed = table().assign(seconds=1.0)
    assert Manifest("toy", changed).digest == Manifest("toy", table()).digest


def test_digest_keeps_columns_apart() -> None:
    one, other = table(), table()
    one.loc[0, ["sentence", "session"]] = ["ab", "c"]
    other.loc[0, ["sentence", "session"]] = ["a", "bc"]
    assert Manifest("toy", one).digest != Manifest("toy", other).digest


def test_csv_round_trip_keeps_strings_and_floats(tmp_path: Path) -> None:
    manifest = Manifest("toy", table())
    manifest.to_csv(tmp_path / "manifest.csv")
    again = Manifest.from_csv(tmp_path / "manifest.csv")
    assert again.corpus == "toy"
    assert again.digest == manifest.digest
    pd.testing.assert_frame_equal(again.table, manifest.table, check_exact=True)
    assert set(again.table["speaker"]) == {"03", "NA", "08"}


def test_labels_are_positions_in_the_sorted_classes() -> None:
    manifest = Manifest("toy", table())
    assert manifest.classes == ("e0", "e1")
    assert manifest.labels.tolist() == [0, 1, 0, 1]
    assert manifest.labels.dtype == np.int64


def test_one_class_is_refused() -> None:
    with pytest.raises(BadManifest, match="1 emotion class: e0; allowed: 2 to 20"):
        _ = Manifest("toy", table(classes=1)).classes


def test_a_repeated_utterance_is_refused_by_name() -> None:
    twice = pd.concat([table(), table().iloc[[1]]])
    with pytest.raises(BadManifest, match="repeated utterances: 1 \\(toy/a\\)"):
        Manifest("toy", twice)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(BadManifest, match="missing columns: gender"):
        Manifest("toy", table().drop(columns="gender"))


def test_a_row_without_speaker_is_refused() -> None:
    with pytest.raises(BadManifest, match="without speaker"):
        Manifest("toy", table().assign(speaker=["", "1", "2", "3"]))


def test_some_rows_without_emotion_are_refused_by_name() -> None:
    with pytest.raises(
        BadManifest, match=r"rows without emotion: 1 \(toy/b\); allowed: an emotion in every row"
    ):
        Manifest("toy", table().assign(emotion=["", "e0", "e1", "e0"]))


def test_a_manifest_without_emotions_has_no_classes_and_says_what_to_do() -> None:
    unlabelled = Manifest("toy", table().assign(emotion=""))
    assert (unlabelled.labelled, Manifest("toy", table()).labelled) == (False, True)
    for question in ("classes", "labels"):
        with pytest.raises(
            UnlabelledCorpus, match=r"'toy' has no labels.*'corpus: \{name: csv, file: labels\.csv"
        ):
            getattr(unlabelled, question)


def test_a_manifest_without_emotions_survives_its_csv(tmp_path: Path) -> None:
    unlabelled = Manifest("toy", table().assign(emotion=""))
    unlabelled.to_csv(tmp_path / "manifest.csv")
    assert Manifest.from_csv(tmp_path / "manifest.csv").digest == unlabelled.digest


VOTED = ("e0=2 e1=1", "e1=3", "", "e0=1")  # of the rows b, a, C, d


def voted(votes: Sequence[str] = VOTED, **changes: object) -> Manifest:
    return Manifest("toy", table().assign(votes=list(votes), **changes))


def test_votes_are_counts_per_class_in_the_order_of_classes() -> None:
    votes = voted().votes
    assert votes is not None
    assert votes.counts.dtype == np.float64
    assert votes.counts.tolist() == [[0, 0], [0, 3], [2, 1], [1, 0]]


def test_without_a_vote_in_any_row_there_are_none() -> None:
    assert Manifest("toy", table()).votes is None
    assert voted([""] * 4).votes is None
    assert voted([None] * 4).votes is None  # as a table joined from others has them


def test_a_table_without_votes_keeps_the_digest_and_the_csv_that_it_always_had(tmp_path: Path) -> None:
    for name, manifest in {"old": Manifest("toy", table()), "new": voted([""] * 4)}.items():
        assert manifest.digest == "3be4b0707c298abf7c19ce73395baa5daebf56db019229b0df6e5936681c21bb"
        manifest.to_csv(tmp_path / name)
    first, *_ = (tmp_path / "old").read_text().splitlines()
    assert first == "corpus,utterance,path,speaker,gender,emotion,sentence,session,seconds,sample_rate,audio"
    assert (tmp_path / "old").read_bytes() == (tmp_path / "new").read_bytes()


def test_digest_changes_with_votes_and_not_with_how_they_are_written() -> None:
    digests = {
        manifest.digest for manifest in (Manifest("toy", table()), voted(), voted(["e0=1", "", "", ""]))
    }
    assert len(digests) == 3
    assert voted(["  e1=1   e0=2 ", "e1=3", "", "e0=1"]).digest == voted().digest
    assert voted(["e1=1 e0=2", *VOTED[1:]]).table["votes"].tolist() == ["", "e1=3", "e0=2 e1=1", "e0=1"]


def test_votes_survive_the_csv(tmp_path: Path) -> None:
    manifest = voted()
    manifest.to_csv(tmp_path / "manifest.csv")
    again = Manifest.from_csv(tmp_path / "manifest.csv")
    assert again.digest == manifest.digest
    pd.testing.assert_frame_equal(again.table, manifest.table, check_exact=True)
    assert again.votes is not None
    assert np.array_equal(again.votes.counts, voted().votes.counts)


def test_classes_with_blanks_and_equals_signs_can_have_votes() -> None:
    emotions = ["very sad", "a=b", "very sad", "a=b"]
    votes = voted(["a=b=2 very sad=10", "very sad=1", "a=b=1", ""], emotion=emotions).votes
    assert votes is not None
    assert votes.counts.tolist() == [[1, 0], [0, 1], [2, 10], [0, 0]]


@pytest.mark.parametrize(
    "cell",
    ["e0", "e0=", "e0=0", "e0=-1", "e0=two", "=2", "2", "e0=1,e1=2", "e0=1 e0=2", "e0=0 e1=1", "e0=1e1=1"],
)
def test_votes_that_cannot_be_read_are_refused_by_utterance(cell: str) -> None:
    with pytest.raises(BadManifest, match=r"votes .*: 1 \(toy/a\); allowed: .*"):
        voted(["", cell, "", ""])


def test_a_vote_that_cannot_be_read_says_how_to_write_it() -> None:
    with pytest.raises(BadManifest) as refused:
        voted(["e0=1", "e0=2 e1=0", "", ""])
    assert str(refused.value) == (
        "The manifest of corpus 'toy' has votes that cannot be read ('e1=0' does not begin with "
        "class=count): 1 (toy/a); allowed: class=count, with counts of 1 to 999999 and a blank between, as "
        "in 'anger=2 neutral=1'."
    )


def test_votes_for_what_no_row_has_as_emotion_are_refused() -> None:
    with pytest.raises(BadManifest) as refused:
        voted(["e0=1", "e0=2 e7=1", "e0=2 e7=1", ""])
    assert str(refused.value) == (
        "The manifest of corpus 'toy' has votes for e7, which no row has as emotion: 2 (toy/C, toy/a); "
        "allowed: votes for e0, e1. Leave e7 out of 'labels' (map what becomes it to null there, in a table "
        "of your own)."
    )
    with pytest.raises(BadManifest, match="allowed: votes for none, without emotions"):
        voted(emotion="")


def test_the_given_table_is_left_alone() -> None:
    given = table()
    Manifest("toy", given)
    assert list(given["utterance"]) == ["toy/b", "toy/a", "toy/C", "toy/d"]


def hidden() -> Manifest:
    """The corpus without its emotions, for people who tell three classes apart."""
    return Manifest("toy", table().assign(emotion="")).declaring(["sad", "anger", "happy"])


def test_declared_classes_are_those_of_a_corpus_that_nobody_has_labelled() -> None:
    manifest = hidden()
    assert manifest.classes == ("anger", "happy", "sad")
    assert not manifest.labelled
    assert manifest.labels.tolist() == [UNKNOWN] * 4
    assert manifest.votes is None
    assert manifest.digest == Manifest("toy", table().assign(emotion="")).digest, "classes are in the digest"


def test_answers_of_people_are_labels_and_votes_of_their_rows_alone() -> None:
    said = hidden().answered({"toy/b": "sad", "toy/a": "happy"}, {"toy/b": "sad=2 happy=1 / 4"})
    rows = said.table["utterance"].tolist()
    assert dict(zip(rows, said.labels.tolist(), strict=True)) == {
        "toy/a": 1, "toy/b": 2, "toy/C": UNKNOWN, "toy/d": UNKNOWN,
    }  # fmt: skip
    assert said.votes is not None
    assert said.votes.counts[rows.index("toy/b")].tolist() == [0, 1, 2]
    assert said.votes.asked[rows.index("toy/b")] == 4
    assert said.classes == ("anger", "happy", "sad"), "a class that nobody has heard yet is gone"


def test_folds_of_a_corpus_that_people_label_are_drawn_alike_before_and_after_answers() -> None:
    before, after = hidden(), hidden().answered({"toy/b": "sad", "toy/a": "happy"}, {})
    for manifest in (before, after):
        classes, labels = manifest.strata
        assert classes == ("",)
        assert labels.tolist() == [0, 0, 0, 0]
    classes, labels = Manifest("toy", table()).strata
    assert (classes, labels.tolist()) == (("e0", "e1"), Manifest("toy", table()).labels.tolist())


def test_an_answer_that_is_no_declared_class_is_refused_by_utterance() -> None:
    with pytest.raises(BadManifest, match=r"emotions that are no class.*toy/b.*anger, happy, sad"):
        hidden().answered({"toy/b": "bored"}, {})
    with pytest.raises(BadManifest, match=r"votes for bored"):
        hidden().answered({"toy/b": "sad"}, {"toy/b": "bored=1 sad=2"})
