"""What IEMOCAP's evaluators heard: read from the label files in their form, counted by class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from after_ray.corpora._base import Listing, scan
from after_ray.corpora._contract import Conformity
from after_ray.corpora._settings import IemocapSettings
from after_ray.corpora.iemocap import BY_SPEAKER, CATEGORIES, COUNTED, LABELS, Iemocap
from after_ray.manifest import Manifest
from tests.after_ray.corpora.iemocap_tree import (
    HEAD,
    WITHOUT_AUDIO,
    audio,
    four_dialogs_with_traps,
    label_file,
)
from tests.after_ray.corpora.trees import wav

DIALOG = "Ses01F_impro01"
# Code of a turn, and the lines of those who judged it.
TURNS: dict[str, tuple[str, str]] = {
    "F000": (
        "neu",
        "C-E2:\tNeutral;\t()\nC-E3:\tNeutral;\t()\nC-E4:\tAnger;\t()\nC-F1:\tNeutral;\t(curious)\n"
        "A-E3:\tval 3; act 2; dom  2;\t()\nA-E4:\tval 2; act 3; dom  3;\t(mildly aggravated; polite)\n"
        "A-F1:\tval 3; act 2; dom  1;\t()\n",
    ),
    "F001": (
        "hap",
        "C-E2:\tHappiness; Excited;\t()\nC-E3:\tHappiness; Sadness;\t()\nC-E4:\tExcited;\t()\n"
        "C-M1:\tAnger;\t()\n",
    ),
    "F002": ("ang", "C-E1:\tAnger;\t()\nC-E2:\tAnger; Frustration;\t(loud)\nC-E4:\tFrustration;\t()\n"),
    "F003": ("sad", "C-E2:\tOther;\t(hurt; Sadness)\nC-E3:\tFrustration;\t()\nC-F1:\tSadness;\t()\n"),
    "F004": ("neu", "C-E2:\tNeutral state;\t()\r\nC-E3:\t NEUTRAL ;  \t()\r\nC-E4:\tBored; Neutral;\t()\r\n"),
    "F005": ("xxx", "C-E2:\tNeutral;\t()\nC-E3:\tSadness;\t()\nC-E4:\tAnger;\t()\n"),
    "F006": ("sad", ""),
}  # fmt: skip


def plant(root: Path, turns: Mapping[str, tuple[str, str]] = TURNS) -> Path:
    file = label_file(root, DIALOG)
    file.parent.mkdir(parents=True)
    blocks = (
        f"[6.2901 - 8.2357]\t{DIALOG}_{turn}\t{code}\t[2.5000, 2.5000, 2.5000]\n{lines}\n"
        for turn, (code, lines) in turns.items()
    )
    file.write_bytes((HEAD + "".join(blocks)).encode("latin-1"))
    for number, turn in enumerate(turns):
        path = audio(root, f"{DIALOG}_{turn}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(number))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant(tmp_path / "IEMOCAP_full_release")


def settings(root: Path, **changes: Any) -> IemocapSettings:
    return IemocapSettings.model_validate(
        {"root": str(root), "altered": "accept", "votes": "evaluators", **changes}
    )


def listing(root: Path, **changes: Any) -> Listing:
    return Iemocap(settings(root, **changes)).listing()


def judged(found: Listing) -> dict[str, tuple[str, str]]:
    return {entry.utterance.rpartition("_")[2]: (entry.emotion, entry.votes) for entry in found.entries}


def test_evaluators_are_counted_and_actors_are_not(root: Path) -> None:
    assert judged(listing(root))["F000"] == ("neutral", "anger=1 neutral=2")


def test_two_categories_of_one_class_are_one_vote_and_of_two_classes_one_for_both(root: Path) -> None:
    assert judged(listing(root))["F001"] == ("happy", "happy=2 happy,sad=1")
    apart = {"happy": "happy", "excited": "excited", "sad": "sad"}
    assert judged(listing(root, labels=apart))["F001"] == ("happy", "excited=1 excited,happy=1 happy,sad=1")


def test_votes_for_labels_that_are_not_used_are_not_counted(root: Path) -> None:
    assert judged(listing(root))["F002"] == ("anger", "anger=2 / 3")
    more = {"anger": "anger", "frustration": "frustration"}
    votes = "anger=1 anger,frustration=1 frustration=1"
    assert judged(listing(root, labels=more))["F002"] == ("anger", votes)


def test_categories_are_read_whatever_their_case_and_the_blanks_around_them(root: Path) -> None:
    assert judged(listing(root))["F004"] == ("neutral", "neutral=3")


def test_a_word_that_is_no_category_is_told_in_a_note(root: Path) -> None:
    (note,) = listing(root).notes
    assert note == "evaluators named what is no category, and not counted as a vote: 'Bored' (1)"
    assert listing(root, votes="none").notes == ()


def test_a_turn_without_a_vote_for_a_used_class_is_left_out_and_counted(root: Path) -> None:
    found = listing(root)
    assert set(judged(found)) == {"F000", "F001", "F002", "F004"}
    assert found.ignored == {"undecided": 1, "no vote for a used class": 2}
    assert found.unvoted == (f"{DIALOG}_F003", f"{DIALOG}_F006")
    assert found.problems == ()


def test_a_comment_is_no_vote(root: Path) -> None:
    every = {label: label for label in IemocapSettings.own_labels}
    assert judged(listing(root, labels=every))["F003"] == ("sad", "frustration=1 other=1")


def test_turns_without_a_majority_can_be_used_by_their_votes(root: Path) -> None:
    labels = {"neutral": "neutral", "sad": "sad", "anger": "anger", "undecided": "undecided"}
    assert judged(listing(root, labels=labels))["F005"] == ("undecided", "anger=1 neutral=1 sad=1")


def test_the_label_stays_the_release_s_and_nothing_changes_without_votes(root: Path) -> None:
    plain = judged(listing(root, votes="none"))
    assert plain == {
        "F000": ("neutral", ""), "F001": ("happy", ""), "F002": ("anger", ""), "F003": ("sad", ""),
        "F004": ("neutral", ""), "F006": ("sad", ""),
    }  # fmt: skip
    with_votes = judged(listing(root))
    assert {turn: emotion for turn, (emotion, _) in with_votes.items()} == {
        turn: plain[turn][0] for turn in with_votes
    }


def test_lines_after_one_that_is_no_turn_belong_to_nobody(root: Path) -> None:
    file = label_file(root, DIALOG)
    file.write_bytes(file.read_bytes() + f"[1 - 2]\t{DIALOG}_F007\tbor\t[]\nC-E2:\tSadness;\t()\n".encode())
    found = listing(root)
    assert found.unvoted == (f"{DIALOG}_F003", f"{DIALOG}_F006")
    assert [reason[:23] for _, reason in found.problems] == ["unknown label code 'bor"]


def test_an_evaluator_with_two_lines_named_both_and_is_one_annotator(tmp_path: Path) -> None:
    lines = "C-E2:\tAnger;\t()\nC-E2:\tAnger;\t()\nC-E2:\tSadness;\t()\nC-E3:\tAnger;\t()\n"
    found = judged(listing(plant(tmp_path, {"M000": ("ang", lines)})))
    assert found["M000"] == ("anger", "anger=1 anger,sad=1")


def test_all_categories_are_labels_of_the_corpus() -> None:
    assert set(CATEGORIES.values()) == set(LABELS.values()) - {"undecided"}


def test_the_tree_with_all_traps_has_votes(tmp_path: Path) -> None:
    root = four_dialogs_with_traps(tmp_path / "IEMOCAP_full_release")
    found = listing(root)
    assert {entry.votes for entry in found.entries} == {"sad=1"}
    assert [path.rpartition("/")[2] for path, _ in found.problems] == [f"{WITHOUT_AUDIO}.wav"]


def test_what_votes_leave_out_is_not_missing(tmp_path: Path) -> None:
    wanted = settings(plant(tmp_path / "release", {**TURNS, "M000": ("sad", "C-E2:\tSadness;\t()\n")}))
    found = scan(wanted, tmp_path / "cache")
    assert found.manifest.votes is not None
    assert found.manifest.votes.counts.tolist() == [
        [1, 0, 2, 0],
        [0, 2.5, 0, 0.5],
        [2, 0, 0, 0],
        [0, 0, 3, 0],
        [0, 0, 0, 1],
    ]
    assert found.manifest.votes.asked.tolist() == [3, 3, 3, 3, 1]
    assert found.unvoted == (f"{DIALOG}_F003", f"{DIALOG}_F006")
    assert "5 instead of 5,529 utterances" in found.conformity.differences
    assert "5 instead of 5,531 utterances" in Iemocap(wanted).conformity(found.manifest).differences


def test_turns_that_votes_leave_out_of_the_whole_release_leave_it_official() -> None:
    turns = [
        (speaker, label)
        for speaker, counts in BY_SPEAKER.items()
        for label, n in zip(COUNTED, counts, strict=True)
        for _ in range(n)
    ]
    columns: dict[str, Any] = {
        "utterance": [f"iemocap/{number:04}" for number in range(len(turns))],
        "speaker": [speaker for speaker, _ in turns],
        "emotion": ["happy" if label == "excited" else label for _, label in turns],
    }
    rest = dict.fromkeys(("gender", "sentence", "session", "audio"), "") | {
        "path": "a.wav",
        "sample_rate": 16000,
    }
    table = pd.DataFrame({**columns, **rest, "seconds": 6.99 * 3600 / len(turns)}).iloc[3:]
    corpus, manifest = Iemocap(settings(Path("x"))), Manifest("iemocap", table)
    assert corpus.conformity(manifest, ["0000", "0001", "0002"]) == Conformity("official")
    assert corpus.conformity(manifest, ["0000", "0001"]).differences == (
        "3 utterances are missing, and only 2 excluded",
    )
