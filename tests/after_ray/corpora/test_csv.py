"""A user's own CSV: what is read, and one sentence for everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from after_ray.corpora import _base
from after_ray.corpora._base import Scan, scan
from after_ray.corpora._settings import CsvSettings
from after_ray.errors import AfterRayError, BadManifest, BadTable, UnknownUtterance, UnusableAudio
from tests.after_ray.corpora.trees import plant, wav

FILES = ("a.wav", "b.wav", "sub/c.wav", "sub/d.wav")
ROWS = ("path,speaker,emotion", "a.wav,s1,anger", "b.wav,s1,sad", "sub/c.wav,s2,anger", "sub/d.wav,s2,sad")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant(tmp_path / "mine", FILES)


def written(root: Path, rows: Sequence[str], end: str = "\n") -> Path:
    file = root / "mine.csv"
    file.write_bytes("".join(row + end for row in rows).encode())
    return file


def scanned(root: Path, rows: Sequence[str] = ROWS, **settings: Any) -> Scan:
    return scan(CsvSettings(file=str(written(root, rows)), **settings), root.parent / "cache")


def refused(root: Path, rows: Sequence[str], kind: type[AfterRayError] = BadTable, **settings: Any) -> str:
    """The sentence of a refusal that leaves nothing behind."""
    before = sorted(root.parent.rglob("*"))
    with pytest.raises(kind) as refusal:
        scanned(root, rows, **settings)
    assert {*root.parent.rglob("*")} - {*before} == {root / "mine.csv"}
    return str(refusal.value)


def test_a_row_is_an_utterance_named_by_corpus_and_path(root: Path) -> None:
    found = scanned(root)
    table = found.manifest.table
    assert found.manifest.corpus == "mine"
    assert list(table["utterance"]) == ["mine/a", "mine/b", "mine/sub/c", "mine/sub/d"]
    assert list(table["path"]) == list(FILES)
    assert list(table["speaker"]) == ["s1", "s1", "s2", "s2"]
    assert found.manifest.classes == ("anger", "sad")
    assert found.conformity.level == "none"
    assert (found.problems, found.notes, dict(found.ignored)) == ((), (), {})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_delimiters_line_ends_and_the_mark_of_utf_8_change_nothing(
    root: Path, delimiter: str, end: str, mark: str
) -> None:
    plain = scanned(root).manifest.digest
    rows = [row.replace(",", delimiter) for row in ROWS]
    file = written(root, [mark + rows[0], *rows[1:], ""], end)
    assert scan(CsvSettings(file=str(file)), root.parent / "cache").manifest.digest == plain


def test_optional_columns_are_used_and_others_are_named(root: Path) -> None:
    header = "take;session;gender;path;speaker;emotion;sentence;comment"
    rows = [f"1;x{i};female;{path};ü;{'anger' if i % 2 else 'sad'};01;" for i, path in enumerate(FILES)]
    found = scanned(root, [header, *rows])
    table = found.manifest.table
    assert list(table["session"]) == ["x0", "x1", "x2", "x3"]
    assert (set(table["gender"]), set(table["sentence"]), set(table["speaker"])) == (
        {"female"},
        {"01"},
        {"ü"},
    )
    assert found.notes == ("columns not used: take, comment",)


def test_quotes_blanks_and_formulas_are_text(root: Path) -> None:
    (root / "a, b.wav").write_bytes(wav(9))
    rows = ['"path","speaker",emotion', '"a, b.wav",=1+1 , anger', 'b.wav,"the ""boss""",sad']
    table = scanned(root, rows).manifest.table
    assert list(table["utterance"]) == ["mine/a, b", "mine/b"]
    assert list(table["speaker"]) == ["=1+1", 'the "boss"']
    assert list(table["emotion"]) == ["anger", "sad"]


def test_labels_map_emotions_to_classes_and_null_leaves_them_out(root: Path) -> None:
    rows = [*ROWS, "gone.wav,s3,boredom"]
    found = scanned(root, rows, labels={"anger": "negative", "sad": "low", "boredom": None})
    assert found.manifest.classes == ("low", "negative")
    assert dict(found.ignored) == {"boredom": 1}
    assert found.problems == ()  # what is left out need not be there


def test_root_and_name_can_be_given(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "tables"
    elsewhere.mkdir()
    file = written(elsewhere, ROWS)
    found = scan(CsvSettings(file=str(file), root=str(root), called="own"), tmp_path / "cache")
    assert found.manifest.table["utterance"][0] == "own/a"


@pytest.mark.parametrize(
    ("file", "title"),
    [("x/my data.v2.csv", "my-data.v2"), ("Größe.csv", "Gr--e"), ("x/.csv", "csv"), ("x/__.csv", "own")],
)
def test_the_name_of_a_csv_becomes_a_name_for_tables(file: str, title: str) -> None:
    assert CsvSettings(file=file).title == title


def test_a_name_that_tables_cannot_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match="pattern"):
        CsvSettings(file="a.csv", called="a/b")


def test_a_second_scan_decodes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scanned(root)
    monkeypatch.setattr(_base, "_listen", lambda corpus, path: pytest.fail(f"{path} is decoded again"))
    assert scanned(root).manifest.digest == first.manifest.digest


def with_row(row: str) -> tuple[str, ...]:
    return (*ROWS, row)


REFUSALS: dict[str, tuple[Sequence[str], str]] = {
    "a missing column": (
        ["path,who,emotion", "a.wav,s1,anger"],
        "mine.csv cannot be used: it lacks the column speaker; it has path, who, emotion. "
        "Name its columns in the first line: path, speaker, emotion are required.",
    ),
    "two missing columns": (["file;speaker", "a.wav;s1"], "it lacks the columns path, emotion; it has file"),
    "a column twice": (["path,speaker,emotion,emotion", "a.wav,s,x,y"], "column 'emotion' is there twice."),
    "no header": (["a.wav,s1,anger"], "it lacks the columns path, speaker, emotion; it has a.wav, s1"),
    "nothing": ([], "it is empty. "),
    "no row": (ROWS[:1], "there is no row below its first line. Write one row per utterance."),
    "rows of another length": (
        [*ROWS, "a,b", "c.wav,s,anger,x"],
        "lines 6 and 7 have not the 3 values of the first line. "
        "Put a value that holds the delimiter (,) into double quotes.",
    ),
    "emotions that differ only in case": (
        with_row("e.wav,s1,Anger"),
        "'Anger' and 'anger' differ only in case or spaces, and would be two classes. Write them alike",
    ),
    "speakers that differ only in case or spaces": (
        with_row("e.wav,S 1,anger"),
        "'S 1' and 's1' differ only in case or spaces, and would be two speakers. Write them alike.",
    ),
    "genders that differ only in case": (
        ["path,speaker,emotion,gender", "a.wav,s1,sad,f", "b.wav,s2,sad,F"],
        "'F' and 'f' differ only in case or spaces, and would be two genders. Write them alike.",
    ),
    "a speaker of two genders": (
        ["path,speaker,emotion,gender", "a.wav,s1,sad,", "b.wav,s1,sad,female", "sub/c.wav,s1,sad,male"],
        "speaker 's1' is 'female' and 'male' in lines 3 and 4. Write one gender, or tell two speakers apart",
    ),
    "an open quote": (with_row('"e.wav,s1,anger'), "row in line 6 cannot be read (unexpected end of data)"),
    "text behind a quote": (with_row('"e.wav"x,s1,anger'), "the row in line 6 cannot be read (',' expected"),
    "a huge line": (
        with_row(f"{'x' * 200_000},s1,anger"),
        "the row in line 6 cannot be read (field larger than field limit",
    ),
    "a huge header": ([f"{'x' * 100_000}", "a"], f"it has {'x' * 40}.... "),
    "NUL": (with_row("e\0.wav,s1,anger"), "line 6 has a NUL byte, as UTF-16 and spreadsheets' own files do"),
    "no path": (with_row(",s1,anger"), "no path in line 6. Fill it in, or delete the row."),
    "no speaker": (
        [*ROWS, *(f"e{i}.wav,,anger" for i in range(8))],
        "no speaker in lines 6, 7, 8, 9, 10 and 3 more. Fill it in",
    ),
    "no emotion": (with_row("e.wav,s1, "), "no emotion in line 6. "),
    "an absolute path": (with_row("/etc/e.wav,s1,sad"), "form folder/file.wav: '/etc/e.wav' in line 6"),
    "a home": (with_row("~/e.wav,s1,sad"), "'~/e.wav' in line 6. Write paths below 'root' (by default"),
    "a drive": (with_row("C:/e.wav,s1,sad"), "'C:/e.wav' in line 6. "),
    "backslashes": (with_row("sub\\e.wav,s1,sad"), "'sub\\e.wav' in line 6. Write paths below 'root'"),
    "a path that leads out": (
        with_row("sub/../../e.wav,s1,sad"),
        "'sub/../../e.wav' in line 6. Write paths below 'root' (by default the CSV's folder), with '/' and "
        "without '..'.",
    ),
    "a path twice": (
        [*ROWS, "./sub//c.wav,s9,sad"],
        "'sub/c.wav' is in lines 4 and 6. Keep one row per file.",
    ),
    "a line break": (with_row('"e\nf.wav",s1,sad'), r"line break is in the path 'e\nf.wav' in line 6. "),
    "an escape": (with_row("e.wav,s\x1b[31m,sad"), r"is in the speaker 's\x1b[31m' in line 6. "),
    "a slash in an emotion": (
        with_row("e.wav,s1,sad/angry"),
        "an emotion has a slash or a comma: 'sad/angry' in line 6. ",
    ),
    "too many emotions": (
        [ROWS[0], *(f"{i}.wav,s1,e{i:02d}" for i in range(21))],
        "it has 21 emotions (e00, e01, e02, e03, e04, ...). Map them to 2 to 20 classes with 'labels'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSALS)
def test_a_csv_that_describes_no_corpus_is_refused_with_one_sentence(root: Path, what: str) -> None:
    rows, sentence = REFUSALS[what]
    assert sentence in refused(root, rows)


def test_white_space_around_cells_is_none_of_their_texts(root: Path) -> None:
    rows = [' "path", "speaker", emotion ', 'a.wav , "s1",\tanger\u00a0', ' "sub/c.wav",s2 ,  "sad"']
    table = scanned(root, rows).manifest.table
    assert list(table["utterance"]) == ["mine/a", "mine/sub/c"]
    assert [*table["speaker"], *table["emotion"]] == ["s1", "s2", "anger", "sad"]


def test_classes_that_differ_only_in_case_are_refused_also_where_labels_make_them(root: Path) -> None:
    rows = [*ROWS[:4], "sub/d.wav,s2,Sad"]
    labels = {"anger": "anger", "sad": "sad", "Sad": "sad"}
    assert scanned(root, rows, labels=labels).manifest.classes == ("anger", "sad")
    (root / "mine.csv").unlink()
    said = refused(root, rows, labels={**labels, "Sad": "SAD"})
    assert "'SAD' and 'sad' differ only in case or spaces" in said


def test_labels_that_no_row_has_are_noted(root: Path) -> None:
    found = scanned(root, labels={"anger": "anger", "sad": "sad", "joy": "happy", "fear": None})
    assert found.notes == ("'labels' maps what no row has: joy, fear",)


def test_utterances_are_excluded_by_their_path_without_suffix(root: Path) -> None:
    rows = [*ROWS, "gone.wav,s3,sad"]
    found = scanned(root, rows, exclude=("sub/c", "gone"))
    assert list(found.manifest.table["utterance"]) == ["mine/a", "mine/b", "mine/sub/d"]
    assert (found.excluded, found.problems) == (("sub/c", "gone"), ())
    sentence = r"'mine' names 'sub/e' \(did you mean 'sub/[cd]'\?\); allowed: the 5 utterances"
    with pytest.raises(UnknownUtterance, match=sentence):
        scanned(root, rows, exclude=("sub/e",))


def test_a_folder_is_no_file(root: Path) -> None:
    with pytest.raises(UnusableAudio, match=r"unusable entry: sub: it is a folder\."):
        scanned(root, with_row("sub,s1,sad"))


def test_a_folder_named_by_a_dot_is_shown_in_full(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(root, with_row("gone.wav,s1,sad"))
    monkeypatch.chdir(root)
    with pytest.raises(UnusableAudio, match=rf"gone\.wav: there is no such file in {root}\."):
        scan(CsvSettings(file="mine.csv"), root.parent / "cache")


def test_an_unknown_label_is_refused_with_the_allowed_ones(root: Path) -> None:
    rows = [*ROWS, "e.wav,s1,joy", "f.wav,s1,joy"]
    sentence = refused(root, rows, labels={"sad": "sad", "anger": "anger", "fear": None})
    assert "unknown label 'joy' in lines 6 and 7. Labels are anger, fear, sad; add it to 'labels'" in sentence


def test_labels_that_leave_everything_out_are_refused(root: Path) -> None:
    assert "no row has an emotion that is used" in refused(root, ROWS, labels={"anger": None, "sad": None})


def test_two_files_that_only_their_suffix_tells_apart_are_refused(root: Path) -> None:
    plant(root, ["a.flac"])
    sentence = refused(root, with_row("a.flac,s1,sad"))
    assert "'a.wav' and 'a.flac' (lines 2 and 6) differ only in their suffix" in sentence


def test_one_class_is_refused_where_classes_are_asked_for(root: Path) -> None:
    found = scanned(root, ROWS[:2])
    with pytest.raises(BadManifest, match="1 emotion class: anger; allowed: 2 to 20 classes"):
        _ = found.manifest.classes


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("\n".join([*ROWS, "é.wav,s1,sad"]).encode("latin-1"), "line 6 is not UTF-8. Save it as a CSV"),
        ("\n".join(ROWS).encode("utf-16"), "line 1 has a NUL byte, as UTF-16"),
        (b"PK\x03\x04\x14\x00\x06\x00", "line 1 has a NUL byte, as UTF-16 and spreadsheets' own files do"),
    ],
    ids=["latin-1", "utf-16", "a workbook"],
)  # fmt: skip
def test_other_encodings_are_refused(root: Path, data: bytes, sentence: str) -> None:
    (root / "mine.csv").write_bytes(data)
    with pytest.raises(BadTable, match=re.escape(sentence)):
        scan(CsvSettings(file=str(root / "mine.csv")), root.parent / "cache")
    assert not (root.parent / "cache").exists()


@pytest.mark.parametrize(("name", "reason"), [("nowhere.csv", "No such file"), ("", "Is a directory")])
def test_a_csv_that_cannot_be_opened_is_named(root: Path, name: str, reason: str) -> None:
    with pytest.raises(BadTable, match=rf"it cannot be opened \({reason}.*\)\. Check 'file'"):
        scan(CsvSettings(file=str(root / name)), root.parent / "cache")


def test_files_that_are_not_there_are_counted_and_the_first_five_named(root: Path) -> None:
    rows = [*ROWS, *(f"gone{i}.wav,s1,sad" for i in range(7))]
    with pytest.raises(UnusableAudio) as refusal:
        scanned(root, rows)
    sentence = str(refusal.value)
    assert "'mine' has 7 unusable entries: gone0.wav: there is no such file in /" in sentence
    assert "gone4.wav" in sentence
    assert "; and 2 more. Mend them, or set 'unusable: skip'" in sentence
    found = scanned(root, rows, unusable="skip")
    assert (len(found.manifest), len(found.problems)) == (4, 7)
    assert not list(root.parent.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["e.ogg", "e.mp3", "e.aiff", "e"])
def test_other_formats_are_refused_for_what_they_are(root: Path, name: str) -> None:
    plant(root, [name])
    with pytest.raises(
        UnusableAudio, match=rf"{re.escape(name)}: it is neither \.wav nor \.flac; convert it"
    ):
        scanned(root, with_row(f"{name},s1,sad"))


def test_of_a_corpus_that_people_label_emotions_and_votes_are_not_read(root: Path) -> None:
    bare = ["path,speaker", *(",".join(row.split(",")[:2]) for row in ROWS[1:])]
    without = scanned(root, bare, classes=("anger", "sad")).manifest
    labelled = [f"{row},{'votes' if number == 0 else '???'}" for number, row in enumerate(ROWS)]
    assert scanned(root, labelled, classes=("anger", "sad")).manifest.digest == without.digest
    assert set(without.table["emotion"]) == {""}
    assert without.classes == ("anger", "sad")
    assert without.votes is None


def test_labels_and_classes_for_people_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="'classes' are for people who label it, 'labels' for what is"):
        CsvSettings(file="x.csv", classes=("anger", "sad"), labels={"W": "anger"})
    assert CsvSettings(file="x.csv").meaning() == CsvSettings(file="x.csv", classes=()).meaning()
