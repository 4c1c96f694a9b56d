"""Answers that come in: all of a file or nothing, and everything that is to be told is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.errors import AfterRayError
from sweeps.labelling import csv_batch
from sweeps.labelling.going import freeze
from sweeps.labelling.incoming import BadAnswers, Row, Taken, refuse_unreadable, take
from sweeps.labelling.opening import OpenLabelling
from tests.sweeps.labelling.conftest import Begin, Recordings, went_on

FILE = Path("answers.csv")


def row(clip: str, label: str | None = "sad", who: str = "ann", line: int = 2) -> Row:
    return Row(f"line {line}", clip, who, label)


def taken(opened: OpenLabelling, *rows: Row) -> Taken:
    return take(opened, opened.stands(), FILE, rows, "csv")


def refused(opened: OpenLabelling, *rows: Row) -> str:
    """The sentence of a refusal, after which nothing of the file counts."""
    with pytest.raises(BadAnswers) as told:
        taken(opened, *rows)
    assert list(opened.journal.said()) == []
    return str(told.value)


@pytest.fixture
def opened(begin: Begin) -> OpenLabelling:
    return begin()


@pytest.fixture
def clips(opened: OpenLabelling) -> list[str]:
    return [clip.utterance for clip in opened.stands().waiting]


def test_answers_are_in_the_journal_with_how_they_came(opened: OpenLabelling, clips: list[str]) -> None:
    found = taken(opened, row(clips[0]), row(clips[1], None))
    assert found.lines == ["2 answers taken in, 1 of them cannot tell"]
    (said,) = opened.journal.said()
    assert said.via == "csv"
    assert [(one.utterance, one.label) for one in said.answers] == [(clips[0], "sad"), (clips[1], None)]
    assert len(opened.stands().waiting) == len(clips) - 2


def test_a_clip_that_nobody_was_asked_for_is_refused_with_its_line(
    opened: OpenLabelling, clips: list[str]
) -> None:
    told = refused(opened, row(clips[0]), row("unknown/else\x1b[31m", line=3))
    assert r"nobody was asked for 'unknown/else\x1b[31m' in line 3" in told
    assert "the column 'clip' unchanged" in told
    never_asked = set(opened.opened.scans[0].manifest.table["utterance"]) - set(clips)
    assert "nobody was asked for" in refused(opened, row(sorted(never_asked)[0]))


def test_many_strange_clips_are_counted_and_long_ones_cut(opened: OpenLabelling) -> None:
    told = refused(opened, *(row("x" * 5000, line=number) for number in range(2, 102)))
    assert "and 95 more" in told
    assert len(told) < 800


def test_a_label_that_is_no_class_is_refused_with_the_classes(
    opened: OpenLabelling, clips: list[str]
) -> None:
    told = refused(opened, row(clips[0]), row(clips[1], "bored", line=3), row(clips[2], "sa d", line=4))
    assert "no class is called 'bored' in line 3, 'sa d' in line 4" in told
    assert "Allowed: anger, happy, neutral, sad, 'cannot tell', or nothing where nobody has" in told


def test_a_formula_is_a_label_like_any_other_and_no_class(opened: OpenLabelling, clips: list[str]) -> None:
    assert "no class is called '=1+1' in line 2" in refused(opened, row(clips[0], "=1+1"))


def test_a_clip_answered_twice_differently_by_one_annotator_is_refused_with_both(
    opened: OpenLabelling, clips: list[str]
) -> None:
    told = refused(opened, row(clips[0]), row(clips[1]), row(clips[0], "happy", line=9))
    assert f"ann says of '{clips[0]}' both 'sad' in line 2 and 'happy' in line 9. Keep one" in told
    told = refused(opened, row(clips[0]), row(clips[0], None, line=9))
    assert "both 'sad' in line 2 and 'cannot tell' in line 9" in told


def test_two_annotators_may_differ_and_one_may_say_it_twice(opened: OpenLabelling, clips: list[str]) -> None:
    found = taken(opened, row(clips[0]), row(clips[0], "happy", "bo"), row(clips[0], line=4))
    assert [(one.annotator, one.label) for one in found.added] == [("ann", "sad"), ("bo", "happy")]


def test_an_answer_of_nobody_is_refused(opened: OpenLabelling, clips: list[str]) -> None:
    assert "no annotator is named in line 3. Name one with --annotator." in refused(
        opened, row(clips[0]), row(clips[1], who="", line=3)
    )


def test_what_was_known_is_told_and_not_written_again(opened: OpenLabelling, clips: list[str]) -> None:
    rows = [row(clips[0]), row(clips[1], None)]
    taken(opened, *rows)
    assert taken(opened, *rows).lines == ["0 answers taken in, 2 were known already"]
    assert len(opened.journal.said()) == 1
    assert taken(opened, *rows, row(clips[2])).lines == ["1 answer taken in, 2 were known already"]


def test_a_later_change_is_told_and_counts(opened: OpenLabelling, clips: list[str]) -> None:
    taken(opened, row(clips[0]), row(clips[1], None))
    found = taken(opened, row(clips[0], "happy"), row(clips[1], "anger"))
    assert found.changed == (
        f"ann now says of {clips[0]} 'happy' in place of 'sad'",
        f"ann now says of {clips[1]} 'anger' in place of 'cannot tell'",
    )
    assert opened.journal.standing()[clips[0]]["ann"].label == "happy"


def test_an_answer_after_its_training_is_told_as_late_and_changes_nothing(
    opened: OpenLabelling, clips: list[str], recordings: Recordings
) -> None:
    opened.journal.add(recordings.answers(opened.stands().waiting), "page")
    standing = went_on(opened)
    assert standing.frozen.rounds == standing.done == 1
    before = len(opened.journal.said())
    mine = recordings.emotion(clips[0])
    other = next(name for name in opened.labelling.classes if name != mine)
    found = taken(opened, row(clips[0], other), row(clips[1], None, "bo"))
    assert found.lines == [
        "0 answers taken in",
        f"'{other}' of {clips[0]} comes late: '{mine}' was trained on and stands",
        f"'cannot tell' of {clips[1]} comes late: '{recordings.emotion(clips[1])}' was trained on and stands",
    ]
    assert len(opened.journal.said()) == before
    assert taken(opened, row(clips[0], mine)).lines == ["0 answers taken in, 1 were known already"]


def read(folder: Path, content: bytes) -> list[Row]:
    file = folder / "answers.csv"
    file.write_bytes(content)
    return csv_batch.read(file, "me")


@pytest.mark.parametrize("word", ["cannot tell", "Cannot Tell", "can't tell", "?", " ? "])
def test_words_of_who_cannot_tell_are_abstentions(word: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"clip,label\nc/1,{word}\n".encode()) == [Row("line 2", "c/1", "me", None)]


@pytest.mark.parametrize(
    "content",
    [
        b"clip,audio,label,annotator\nc/1,a,sad,\nc/2,b,,\nc/3,c,happy,bo\n",
        b"clip,audio,label,annotator\r\nc/1,a,sad,\r\nc/2,b,,\r\nc/3,c,happy,bo\r\n",
        b"clip,audio,label,annotator\rc/1,a,sad,\rc/2,b,,\rc/3,c,happy,bo\r",
        b"\xef\xbb\xbfclip;audio;label;annotator\r\nc/1;a;sad;\r\nc/2;b;;\r\nc/3;c;happy;bo\r\n",
        b"clip\taudio\tlabel\tannotator\nc/1\ta\tsad\t\nc/2\tb\t\t\nc/3\tc\thappy\tbo\n",
        b'"clip","audio","label","annotator"\n"c/1","a","sad",""\n"c/2","b","",""\n"c/3","c","happy","bo"',
        b"label,annotator,note,clip\nsad,,loud,c/1\n,,,c/2\nhappy,bo,,c/3\n",
    ],
    ids=["plain", "crlf", "cr", "excel", "tabs", "quoted", "columns moved"],
)
def test_a_table_is_read_as_any_spreadsheet_writes_it(content: bytes, tmp_path: Path) -> None:
    rows = read(tmp_path, content)
    assert [(one.where, one.clip, one.annotator, one.label) for one in rows] == [
        ("line 2", "c/1", "me", "sad"),
        ("line 4", "c/3", "bo", "happy"),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty"),
        (b"clip,audio\nc/1,a\n", "it lacks the column label; it has clip, audio"),
        (b"clip,label\n", "no row below its first line"),
        (b"clip,label\nc/1,sad,extra\n", "line 2 has not the 2 values of the first line"),
        (b"clip,label\nc/1,s\0ad\n", "line 2 has a NUL byte"),
        ("clip,label\nc/1,sad\n".encode("utf-16"), "line 1 has a NUL byte"),
        ("clip,label\nc/1,fröhlich\n".encode("latin-1"), "line 2 is not UTF-8"),
        (b'clip,label\nc/1,"sad\n', "line 2 cannot be read"),
        (b'clip,label\nc/1,"sa\nd"\n', "a control character or line break is in the label"),
        (b"clip,label\nc/1," + b"a" * 15_000_000 + b"\n", "line 2 cannot be read"),
        (b"," * 4_000_000, "it is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_such_table_is_refused_in_a_sentence(content: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(AfterRayError, match=told) as refusal:
        read(tmp_path, content)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("size", [60_000_000, 1_000_000_000])
def test_a_file_that_is_too_large_for_answers_is_refused_unread(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "answers.csv"
    with file.open("wb") as opened:
        opened.write(b"clip,label\nc/1,sad\n")
        opened.truncate(size)  # a hole: it takes no room
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("it was read"))
    with pytest.raises(BadAnswers, match=f"it has {size // 10**6} MB, and answers have 16 MB at most"):
        csv_batch.read(file, "me")


@pytest.mark.parametrize(
    ("path", "told"),
    [("missing.csv", "cannot be opened"), (".", "it is no file"), ("a\0b", "cannot be opened")],
)
def test_what_is_no_file_is_told_before_it_is_read(path: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(BadAnswers, match=told):
        refuse_unreadable(tmp_path / path, 100)


def test_a_device_that_never_ends_is_no_file() -> None:
    with pytest.raises(BadAnswers, match="it is no file"):
        csv_batch.read(Path("/dev/zero"), "me")


def test_a_batch_is_written_without_a_cell_that_a_spreadsheet_computes_and_read_back_unfilled(
    opened: OpenLabelling, tmp_path: Path
) -> None:
    waiting, file = opened.stands().waiting, tmp_path / "batch.csv"
    csv_batch.write(file, waiting, opened.root)
    text = file.read_text()
    header, *lines = text.splitlines()
    assert header == "clip,audio,seconds,label,annotator"
    assert [line.split(",")[0] for line in lines] == [clip.utterance for clip in waiting]
    for line in lines:
        clip, audio, *_ = line.split(",")
        assert not {clip[0], audio[0]} & {*"=+-@\t\r"}
        assert Path(audio).is_file()
    assert csv_batch.read(file, "me") == []


def test_blanks_at_the_ends_of_a_name_are_no_other_clip(
    opened: OpenLabelling, clips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table loses them, and a file may well be called `a .wav`."""
    standing = opened.stands()
    assert standing.asked is not None
    first = replace(standing.asked.clips[0], utterance=f"{clips[0]} ")
    asked = replace(standing.asked, clips=(first, *standing.asked.clips[1:]))
    take(opened, replace(standing, asked=asked), Path("batch.csv"), [row(clips[0])], "csv")
    assert list(opened.journal.standing()) == [f"{clips[0]} "]


def test_clips_of_another_labelling_are_passed_over_where_that_is_said(
    opened: OpenLabelling, clips: list[str]
) -> None:
    rows = [row(clips[0]), row("calls/elsewhere")]
    found = take(opened, opened.stands(), Path("batch.csv"), rows, "csv", skip_unasked=True)
    assert found.lines == ["1 answer taken in, 1 were about clips that nobody was asked for"]
    assert list(opened.journal.standing()) == clips[:1]


def test_an_answer_that_comes_in_while_another_command_begins_to_train_is_told(
    opened: OpenLabelling, recordings: Recordings, clips: list[str]
) -> None:
    stale = opened.stands()
    opened.journal.add(recordings.answers(stale.waiting, "bo"), "page")
    assert freeze(opened, opened.stands())
    found = take(opened, stale, Path("batch.csv"), [row(clips[0])], "csv")
    (told,) = found.late
    assert "may come late: another command has just begun to train" in told


def test_one_person_is_one_annotator_however_the_name_is_written(
    opened: OpenLabelling, clips: list[str]
) -> None:
    first = row(clips[0])
    take(opened, opened.stands(), Path("a.csv"), [first], "csv")
    for name in (f"  {first.annotator} ", first.annotator.upper(), first.annotator.title()):
        again = replace(first, annotator=name)
        assert take(opened, opened.stands(), Path("b.csv"), [again], "csv").known == 1
    assert list(opened.journal.standing()[clips[0]]) == [first.annotator]
    with pytest.raises(AfterRayError, match="100 characters at most"):
        take(opened, opened.stands(), Path("b.csv"), [replace(first, annotator="x" * 101)], "csv")


def test_a_class_may_begin_with_a_capital(opened: OpenLabelling, clips: list[str]) -> None:
    take(opened, opened.stands(), Path("a.csv"), [row(clips[0], "Sad"), row(clips[1], "ANGER")], "csv")
    answers = opened.journal.standing()
    assert [next(iter(answers[clip].values())).label for clip in clips[:2]] == ["sad", "anger"]
