"""A folder of audio without labels: every file at any depth, and nothing that could be taken for a label."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from after_ray.corpora._base import Scan, scan
from after_ray.corpora._settings import UnlabelledSettings
from after_ray.errors import MissingCorpus, UnlabelledCorpus, UnusableAudio
from after_ray.manifest import UNKNOWN
from tests.after_ray.corpora.trees import plant, wav

FILES = ("one/a.wav", "one/deep/er/b.WAV", "two/a.wav", "top.wav")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant(tmp_path / "speech", FILES)


def scanned(root: Path, **settings: Any) -> Scan:
    return scan(UnlabelledSettings(root=str(root), **settings), root.parent / "cache")


def test_every_file_at_any_depth_is_an_utterance_without_emotion(root: Path) -> None:
    found = scanned(root)
    table = found.manifest.table
    assert list(table["utterance"]) == ["speech/one/a", "speech/one/deep/er/b", "speech/top", "speech/two/a"]
    assert set(table["emotion"]) == {""}
    assert not found.manifest.labelled
    assert found.conformity.level == "none"


def test_a_speaker_is_the_first_folder_or_the_file(root: Path) -> None:
    by_folder = scanned(root).manifest.table
    assert list(by_folder["speaker"]) == ["one", "one", "top", "two"]
    by_file = scanned(root, speaker="file").manifest.table
    assert list(by_file["speaker"]) == ["one/a", "one/deep/er/b", "top", "two/a"]


def test_classes_are_refused_with_what_to_do(root: Path) -> None:
    with pytest.raises(UnlabelledCorpus, match=r"'mine' has no labels, .* columns path, speaker and emotion"):
        _ = scanned(root, called="mine").manifest.labels


def test_what_is_no_audio_is_counted_by_its_suffix(root: Path) -> None:
    for name in ("README.txt", "one/a.txt", "LICENSE", ".hidden.wav"):
        (root / name).write_text("no audio")
    found = scanned(root)
    assert dict(found.ignored) == {".txt": 2, "no suffix": 1}
    assert len(found.manifest) == len(FILES)


def test_audio_of_another_format_is_a_problem_and_not_passed_over(root: Path) -> None:
    (root / "one" / "c.Mp3").write_bytes(b"\xff\xfb" * 1000)
    with pytest.raises(UnusableAudio, match=r"one/c\.Mp3: it is neither \.wav nor \.flac; convert it to one"):
        scanned(root)
    assert [path for path, _ in scanned(root, unusable="skip").problems] == ["one/c.Mp3"]


def test_two_files_that_only_their_suffix_tells_apart_are_refused(root: Path) -> None:
    plant(root, ["two/a.flac"])
    with pytest.raises(
        UnusableAudio, match=r"two/a\.wav: only its suffix tells it from two/a\.flac; keep one"
    ):
        scanned(root)


@pytest.mark.skipif(sys.platform == "darwin", reason="names are always text there")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (b"gr\xfc\xdfe.wav", r"one/gr\\xfc\\xdfe\.wav: its name is not UTF-8 and .* rename it"),
        (b"a\nb.wav", r"one/a\\nb\.wav: its name has a control character or line break; rename it"),
    ],
)  # fmt: skip
def test_names_that_no_manifest_can_hold_are_refused(root: Path, name: bytes, sentence: str) -> None:
    (root / "one" / os.fsdecode(name)).write_bytes(wav(7))
    with pytest.raises(UnusableAudio, match=sentence) as refusal:
        scanned(root)
    assert str(refusal.value).encode()  # it can be printed
    assert len(scanned(root, unusable="skip").manifest) == len(FILES)
    assert not list(root.parent.rglob("*.tmp"))


def test_a_folder_without_audio_is_named(tmp_path: Path) -> None:
    for root in (tmp_path / "nowhere", plant(tmp_path / "texts", ["a.txt"])):
        with pytest.raises(
            MissingCorpus, match=rf"{root}; expected audio files \(\.wav or \.flac\) at any depth"
        ):
            scanned(root)
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_links_to_itself_is_read_once(root: Path) -> None:
    (root / "one" / "again").symlink_to(root / "one", target_is_directory=True)
    (root / "all").symlink_to(".", target_is_directory=True)
    assert list(scanned(root).manifest.table["path"]) == sorted(FILES)


@pytest.mark.parametrize(
    ("root", "title"), [("/data/speech.2024", "speech.2024"), ("/data/my set/", "my-set"), (".", "own")]
)
def test_the_name_of_a_folder_becomes_a_name_for_tables(root: str, title: str) -> None:
    assert UnlabelledSettings(root=root).title == title


def test_classes_for_people_are_sorted_declared_and_change_no_digest(root: Path) -> None:
    asked = scanned(root, classes=("sad", "anger")).manifest
    assert asked.classes == asked.declared == ("anger", "sad")
    assert asked.labels.tolist() == [UNKNOWN] * 4
    assert asked.digest == scanned(root).manifest.digest
    assert UnlabelledSettings(root="x").meaning() == UnlabelledSettings(root="x", classes=()).meaning()


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (["sad"], "sad: name two classes or more, each once"),
        (["sad", "sad"], "sad, sad: name two classes or more, each once"),
        (["sad", ""], "should match pattern"),
        (["a/b", "sad"], "should match pattern"),
        ([f"c{number}" for number in range(21)], "at most 20 items"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_classes_that_nobody_could_choose_from_are_refused(classes: list[str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        UnlabelledSettings.model_validate({"root": "x", "classes": classes})
