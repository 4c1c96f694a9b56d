"""IEMOCAP's layout with its nine traps (one test each), and its published counts."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from after_ray.corpora._base import Listing, Scan, open_source, scan
from after_ray.corpora._contract import Conformity
from after_ray.corpora._settings import IemocapSettings
from after_ray.corpora.iemocap import BY_SPEAKER, LABELS, Iemocap
from after_ray.errors import AlteredCorpus, MissingCorpus, UnknownUtterance, UnusableAudio
from after_ray.manifest import Manifest
from tests.after_ray.corpora.iemocap_tree import (
    CODES,
    DIALOGS,
    WITHOUT_AUDIO,
    WITHOUT_LABEL,
    audio,
    block,
    four_dialogs_with_traps,
    label_file,
    plant_iemocap,
    whole,
)
from tests.after_ray.corpora.trees import plant, wav

CLASSES = {"ang": "anger", "neu": "neutral", "sad": "sad", "hap": "happy", "exc": "happy"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sessions, two dialogs each, with all traps."""
    return four_dialogs_with_traps(tmp_path / "IEMOCAP_full_release")


def listing(root: Path, **changes: object) -> Listing:
    return open_source(IemocapSettings.model_validate({"root": str(root), **changes})).listing()


def skipping(root: Path, cache: Path) -> Scan:
    return scan(IemocapSettings(root=str(root), unusable="skip", altered="accept"), cache)


def by_turn(found: Listing, column: str) -> dict[str, str]:
    return {entry.utterance.partition("/")[2]: getattr(entry, column) for entry in found.entries}


def append(file: Path, text: str) -> None:
    file.write_bytes(file.read_bytes() + text.encode())


def test_trap_1_only_label_files_at_the_top_are_read(root: Path) -> None:
    assert "sad" in (root / "Session1/dialog/EmoEvaluation/Categorical/Ses01F_impro01_e2_cat.txt").read_text()
    assert by_turn(listing(root), "emotion")["Ses01F_impro01_F000"] == "anger"


def test_trap_2_resource_forks_are_passed_over(root: Path) -> None:
    found = listing(root)
    assert by_turn(found, "emotion")["Ses01F_impro01_F000"] == "anger"
    assert not [path for path, _ in found.problems if "._" in path]
    assert not [entry for entry in found.entries if "._" in entry.path]


def test_trap_3_the_six_other_codes_are_counted_and_not_mapped(root: Path) -> None:
    found = listing(root)
    assert Counter(by_turn(found, "emotion").values()) == {"anger": 7, "neutral": 8, "sad": 8, "happy": 16}
    assert found.ignored == {
        "disgust": 8, "fear": 8, "frustration": 8, "other": 8, "surprise": 8, "undecided": 8, "no label": 1,
    }  # fmt: skip


def test_trap_4_the_folder_of_a_turn_is_its_name_without_the_last_field(root: Path) -> None:
    found = by_turn(listing(root), "path")
    assert found["Ses01F_impro01_F000"] == "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"
    scripted = "Ses02F_script01_1b_M000"
    assert found[scripted] == f"Session2/sentences/wav/Ses02F_script01_1b/{scripted}.wav"
    assert {path.split("/")[3] for path in found.values()} == set(DIALOGS)


def test_trap_5_the_speaker_is_the_letter_of_the_turn(root: Path) -> None:
    found = listing(root)
    speakers, genders = by_turn(found, "speaker"), by_turn(found, "gender")
    assert (speakers["Ses01F_impro01_M000"], genders["Ses01F_impro01_M000"]) == ("1M", "male")
    assert (speakers["Ses01M_script01_2_F000"], genders["Ses01M_script01_2_F000"]) == ("1F", "female")
    assert Counter(speakers.values()) == {"1F": 10, "1M": 10, "2F": 9, "2M": 10}


def test_trap_6_a_turn_without_audio_is_a_problem_and_audio_without_a_label_is_counted(
    root: Path, tmp_path: Path
) -> None:
    found = listing(root)
    path = f"Session2/sentences/wav/Ses02F_script01_1b/{WITHOUT_AUDIO}.wav"
    assert found.problems == ((path, "labelled, but there is no audio of it"),)
    assert found.ignored["no label"] == 1
    assert audio(root, WITHOUT_LABEL).exists()
    with pytest.raises(UnusableAudio, match=f"1 unusable .*{path}: labelled, but there is no audio of it"):
        scan(IemocapSettings(root=str(root)), tmp_path / "cache")
    skipped = skipping(root, tmp_path / "cache")
    assert skipped.problems == found.problems
    assert f"iemocap/{WITHOUT_AUDIO}" not in set(skipped.manifest.table["utterance"])
    assert len(skipped.manifest) == 39


def test_trap_7_turns_of_half_a_second_and_of_34_seconds_are_used(root: Path, tmp_path: Path) -> None:
    audio(root, "Ses01F_impro01_F000").write_bytes(wav(1, samples=9280))
    audio(root, "Ses01F_impro01_F001").write_bytes(wav(2, samples=545_600))
    table = skipping(root, tmp_path / "cache").manifest.table.set_index("utterance")
    assert table.loc["iemocap/Ses01F_impro01_F000", "seconds"] == 0.58
    assert table.loc["iemocap/Ses01F_impro01_F001", "seconds"] == 34.1


def test_trap_8_line_ends_trailing_blanks_and_latin_letters_change_nothing(root: Path) -> None:
    raw = label_file(root, "Ses01F_impro01").read_bytes()
    assert b"]  \r\n" in raw
    assert b"\xef" in raw
    found = by_turn(listing(root), "emotion")
    expected = {f"Ses01F_impro01_{g}{n:03}": CLASSES[code] for g in "FM" for n, code in enumerate(CODES[:5])}
    assert {name: label for name, label in found.items() if name in expected} == expected


def test_trap_9_the_sessions_have_their_published_sizes(full: Listing) -> None:
    sizes = Counter(entry.session for entry in full.entries)
    assert sizes == {"1": 1085, "2": 1023, "3": 1151, "4": 1031, "5": 1241}
    classes = Counter(entry.emotion for entry in full.entries)
    assert classes == {"anger": 1103, "neutral": 1708, "sad": 1084, "happy": 1636}


def test_scripted_turns_have_their_script_as_sentence_and_improvised_ones_none(root: Path) -> None:
    sentences = by_turn(listing(root), "sentence")
    assert sentences["Ses01M_script01_2_F000"] == "script01_2"
    assert sentences["Ses02F_script01_1b_M000"] == "script01_1"  # a part of the same script
    assert {sentences["Ses01F_impro01_F000"], sentences["Ses02M_impro05a_M000"]} == {""}


def test_sessions_are_digits_and_ids_are_the_turns(root: Path) -> None:
    found = listing(root)
    assert by_turn(found, "session")["Ses02M_impro05a_F004"] == "2"
    assert "iemocap/Ses02M_impro05a_F004" in {entry.utterance for entry in found.entries}


def test_all_eleven_codes_are_known_and_can_be_used(root: Path) -> None:
    assert set(LABELS.values()) == set(IemocapSettings.own_labels)
    found = listing(root, labels={label: label for label in IemocapSettings.own_labels})
    emotions = by_turn(found, "emotion")
    assert {emotions[f"Ses01M_script01_2_F{n:03}"]: code for n, code in enumerate(CODES)} == {
        LABELS[code]: code for code in CODES
    }
    assert found.ignored == {"no label": 1}


def test_an_unknown_code_is_refused_with_the_known_ones(root: Path, tmp_path: Path) -> None:
    append(label_file(root, "Ses02M_impro05a"), block("Ses02M_impro05a_F050", "bor"))
    sentence = (
        r"Session2/dialog/EmoEvaluation/Ses02M_impro05a\.txt:91: unknown label code 'bor' of "
        "Ses02M_impro05a_F050; the codes are ang, dis, exc, fea, fru, hap, neu, oth, sad, sur, xxx"
    )
    with pytest.raises(UnusableAudio, match=sentence):
        scan(IemocapSettings(root=str(root)), tmp_path / "cache")
    assert len(skipping(root, tmp_path / "cache").manifest) == 39


@pytest.mark.parametrize(
    "line",
    [
        "[1.0 - 2.0]\tSes02M_impro05a_F050",
        "[1.0 - 2.0] Ses02M_impro05a_F050 neu []",
        "[1 - 2]\tSes09F_x_F000\tneu",
    ],
)
def test_a_line_that_names_no_turn_is_refused(line: str, root: Path) -> None:
    append(label_file(root, "Ses02M_impro05a"), f"{line}\n")
    (place, reason), _ = listing(root).problems
    assert place == "Session2/dialog/EmoEvaluation/Ses02M_impro05a.txt:91"
    assert reason == f"the line {line!r} is not '[start - end]', turn, label code, with tabs between"


def test_a_turn_with_two_labels_has_none(root: Path) -> None:
    append(label_file(root, "Ses02M_impro05a"), block("Ses01F_impro01_F000", "sad"))
    found = listing(root)
    assert found.problems[0][1] == "Ses01F_impro01_F000 is labelled sad here and anger elsewhere"
    assert "Ses01F_impro01_F000" not in by_turn(found, "emotion")


@pytest.mark.parametrize("third", ["hap", "ang", "sad"])
def test_a_third_label_does_not_settle_a_dispute(third: str, root: Path) -> None:
    turn = "Ses01F_impro01_F000"  # labelled `ang`
    for code in ("sad", third):
        append(label_file(root, "Ses02M_impro05a"), block(turn, code))
    found = listing(root)
    assert turn not in by_turn(found, "emotion")
    said = [reason for _, reason in found.problems if turn in reason]
    assert said == [
        f"{turn} is labelled {LABELS[code]} here and anger elsewhere"
        for code in ("sad", third)
        if code != "ang"
    ]


def test_a_label_file_that_cannot_be_opened_is_a_problem(root: Path) -> None:
    (root / "Session1/dialog/EmoEvaluation/Ses01F_impro02.txt").symlink_to("nowhere.txt")
    place, reason = listing(root).problems[0]
    assert place == "Session1/dialog/EmoEvaluation/Ses01F_impro02.txt"
    assert reason == "cannot be opened: No such file or directory"


def test_audio_in_the_folder_of_another_dialog_is_no_turn(root: Path) -> None:
    file = audio(root, "Ses01F_impro01_F000")
    moved = file.rename(audio(root, "Ses01M_script01_2_F000").with_name(file.name))
    reasons = dict(listing(root).problems)
    assert "its name does not follow IEMOCAP's turns" in reasons[moved.relative_to(root).as_posix()]
    assert reasons[file.relative_to(root).as_posix()] == "labelled, but there is no audio of it"


def test_the_root_may_be_the_release_or_the_folder_around_it(root: Path) -> None:
    inside, around = listing(root), listing(root.parent)
    assert [entry.utterance for entry in inside.entries] == [entry.utterance for entry in around.entries]
    assert around.entries[0].path == f"IEMOCAP_full_release/{inside.entries[0].path}"
    assert [f"IEMOCAP_full_release/{path}" for path, _ in inside.problems] == [p for p, _ in around.problems]


def test_flac_is_found_where_wav_is_missing(root: Path) -> None:
    file = audio(root, "Ses01F_impro01_F000")
    file.rename(file.with_suffix(".flac"))
    assert by_turn(listing(root), "path")["Ses01F_impro01_F000"].endswith("_F000.flac")


def test_recordings_of_whole_dialogs_are_not_outside_and_others_are(root: Path) -> None:
    plant(root, ["Session1/dialog/wav/Ses01F_impro01.wav"])
    assert listing(root).notes == ()
    plant(root, ["Session1/sentences/WAV/Ses01F_impro01/Ses01F_impro01_F000.wav"])
    (note,) = listing(root).notes
    assert note.endswith(
        "not used: 1 audio file, first Session1/sentences/WAV/Ses01F_impro01/Ses01F_impro01_F000.wav"
    )


def test_a_session_as_the_root_is_sent_to_its_parent(root: Path) -> None:
    with pytest.raises(MissingCorpus, match=rf"point at its parent {root} as the corpus root"):
        listing(root / "Session1")


def test_a_turn_without_audio_can_be_excluded(root: Path) -> None:
    assert listing(root, exclude=[WITHOUT_AUDIO]).problems == ()
    with pytest.raises(UnknownUtterance, match="'iemocap' names 'Ses01F_impro01_F777'"):
        listing(root, exclude=["Ses01F_impro01_F777"])


@pytest.mark.parametrize("part", ["dialog", "sentences"])
def test_labels_without_audio_and_audio_without_labels_are_no_corpus(part: str, root: Path) -> None:
    for session in (1, 2):
        shutil.rmtree(root / f"Session{session}" / part)
    with pytest.raises(MissingCorpus, match=r"'iemocap' was not found in .*; expected Session1/ to"):
        listing(root)


# The whole corpus, by its published counts.


@pytest.fixture(scope="module")
def full_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant_iemocap(tmp_path_factory.mktemp("iemocap"), whole())


@pytest.fixture(scope="module")
def full(full_root: Path) -> Listing:
    return listing(full_root)


@pytest.fixture(scope="module")
def manifest(full: Listing) -> Manifest:
    """The listed turns, 6.99 hours of them at 16 kHz."""
    table = pd.DataFrame([asdict(entry) for entry in full.entries])
    seconds = 6.99 * 3600 / len(table)
    return Manifest("iemocap", table.assign(seconds=seconds, sample_rate=16000, audio=table["utterance"]))


def conformity(manifest: Manifest, **changes: object) -> Conformity:
    return Iemocap(IemocapSettings.model_validate({"root": "x", **changes})).conformity(manifest)


def test_the_published_counts_are_official(manifest: Manifest) -> None:
    assert len(manifest) == 5531
    assert conformity(manifest) == Conformity("official")


def test_another_rate_or_codec_is_converted(manifest: Manifest) -> None:
    flac = manifest.table["path"].str.replace(".wav", ".flac")
    for change, clause in (
        ({"sample_rate": 8000}, "have another sample rate (8000 instead of 16000 Hz)"),
        ({"path": flac}, "are flac"),
    ):
        found = conformity(Manifest("iemocap", manifest.table.assign(**change)))
        assert found == Conformity("converted", (f"5531 utterances {clause}",))


def test_one_turn_less_is_altered(manifest: Manifest) -> None:
    row = manifest.table.index[manifest.table["speaker"] == "3M"][0]
    emotion = manifest.table.loc[row, "emotion"]
    expected = {"anger": 148, "neutral": 190, "sad": 133, "happy": 158}[emotion]
    found = conformity(Manifest("iemocap", manifest.table.drop(index=row)))
    clause = f"speaker 3M: class {emotion} has {expected - 1} instead of {expected} utterances"
    assert found == Conformity("altered", (clause,))


def test_a_missing_session_is_altered(manifest: Manifest) -> None:
    found = conformity(Manifest("iemocap", manifest.table[manifest.table["session"] != "5"]))
    assert found.level == "altered"
    assert found.differences == (
        "4,290 instead of 5,531 utterances",
        "speaker 5F has none of 590 utterances",
        "speaker 5M has none of 651 utterances",
        "5.42 hours instead of 6.99",
    )


def test_turns_of_the_right_number_but_another_class_are_altered(manifest: Manifest) -> None:
    swapped = manifest.table["emotion"].where(manifest.table["speaker"] != "1F", "sad")
    assert conformity(Manifest("iemocap", manifest.table.assign(emotion=swapped))).differences == (
        "speaker 1F: class anger has 0 instead of 147 utterances",
        "speaker 1F: class happy has 0 instead of 132 utterances",
        "speaker 1F: class neutral has 0 instead of 171 utterances",
        "speaker 1F: class sad has 528 instead of 78 utterances",
    )


@pytest.mark.parametrize(("hours", "level"), [(6.971, "official"), (7.009, "official"), (7.02, "altered")])
def test_hours_agree_within_their_rounding(hours: float, level: str, manifest: Manifest) -> None:
    table = manifest.table.assign(seconds=hours * 3600 / len(manifest))
    found = conformity(Manifest("iemocap", table))
    assert found.level == level
    assert found.differences == (() if level == "official" else ("7.02 hours instead of 6.99",))


def test_an_unknown_speaker_is_altered(manifest: Manifest) -> None:
    speakers = manifest.table["speaker"].replace("5M", "6M")
    assert conformity(Manifest("iemocap", manifest.table.assign(speaker=speakers))).differences == (
        "speaker 5M has none of 651 utterances",
        "1 unknown speaker (6M)",
    )


def test_excluded_turns_are_not_missed_but_others_are(manifest: Manifest) -> None:
    names = [name.partition("/")[2] for name in manifest.table["utterance"][:2]]
    one_less, two_less = (Manifest("iemocap", manifest.table.iloc[n:]) for n in (1, 2))
    assert conformity(one_less, exclude=names[:1]) == Conformity("official")
    assert conformity(two_less, exclude=names[:1]).differences == (
        "2 utterances are missing, and only 1 excluded",
    )


def test_labels_without_counts_per_speaker_are_compared_altogether(manifest: Manifest) -> None:
    labels = {"anger": "anger", "frustration": "frustration"}
    anger = manifest.table[manifest.table["emotion"] == "anger"]
    more = pd.concat([anger] * 2)[:1849].assign(emotion="frustration")
    more = more.assign(utterance=[f"iemocap/{n}" for n in range(len(more))])
    table = pd.concat([anger, more], ignore_index=True)
    assert conformity(Manifest("iemocap", table), labels=labels) == Conformity("official")
    assert conformity(Manifest("iemocap", table[:-1]), labels=labels).differences == (
        "everybody: class frustration has 1848 instead of 1849 utterances",
    )
    together = {"anger": "negative", "frustration": "negative"}
    negative = Manifest("iemocap", table.assign(emotion="negative"))
    assert conformity(negative, labels=together) == Conformity("official")
    assert Iemocap.contract.counts(labels) == {"anger": 1103, "frustration": 1849}


def test_the_counts_have_all_10039_labelled_turns() -> None:
    assert Iemocap.contract.counts({label: label for label in IemocapSettings.own_labels}).total() == 10_039
    assert sum(map(sum, BY_SPEAKER.values())) == 5531


def test_the_whole_tree_is_scanned_and_refused_for_its_lengths_alone(full_root: Path, tmp_path: Path) -> None:
    short = (
        "5531 of 5531 utterances are shorter than 0.575 s or longer than 34.15 s (Ses01F_impro00_F015, "
        "Ses01F_impro00_F045, Ses01F_impro00_F075, Ses01F_impro00_F105, Ses01F_impro00_F135 and 5526 more)"
    )
    sentence = (
        f"Corpus 'iemocap' is not the official one: {short}; 0.05 hours instead of 6.99. Fetch it again"
    )
    with pytest.raises(AlteredCorpus, match=f"^{re.escape(sentence)}"):
        scan(IemocapSettings(root=str(full_root)), tmp_path)
    accepted = scan(IemocapSettings(root=str(full_root), altered="accept"), tmp_path)
    assert accepted.conformity == Conformity("altered", (short, "0.05 hours instead of 6.99"))
    assert (len(accepted.manifest), accepted.ignored, accepted.problems) == (5531, {}, ())
