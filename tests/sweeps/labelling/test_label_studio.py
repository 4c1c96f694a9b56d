"""Label Studio: tasks to import, the interface of their project, and exports as JSON and JSON-MIN.

The exports here have the keys and nesting of those that Label Studio writes (docs: "Label Studio JSON format
of annotated tasks"; JSON-MIN has one entry per annotation that was not skipped, with `annotator` a number).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from after_ray.errors import BadValue
from after_ray.labelling import Clip
from sweeps.labelling import label_studio
from sweeps.labelling.incoming import BadAnswers, Row, take
from tests.sweeps.labelling.conftest import Begin

CLIPS = (Clip("calls/a b/1", "a b/1ä.wav", "train", 1.0), Clip("calls/2", "2.wav", "test", 2.0))
CLASSES = ("anger", 'say "no" & <go>', "sad")


def result(*choices: str, name: str = "emotion") -> dict[str, Any]:
    return {
        "id": "Dx_aB91ISN",
        "type": "choices",
        "value": {"choices": list(choices)},
        "origin": "manual",
        "to_name": "audio",
        "from_name": name,
    }


def annotation(*results: dict[str, Any], by: Any = 1, **changed: Any) -> dict[str, Any]:
    return {
        "id": 1001,
        "completed_by": by,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-03-09T22:16:08.728353Z",
        "updated_at": "2026-03-09T22:16:08.728378Z",
        "lead_time": 4.288,
        "result_count": len(results),
        "prediction": {},
        "task": 7,
    } | changed


def task(clip: str, *annotations: dict[str, Any], number: int = 7, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "annotations": list(annotations),
        "file_upload": "8a1b-tasks.json",
        "drafts": [],
        "predictions": [],
        "data": {"audio": "/data/local-files/?d=1.wav", "clip": clip},
        "meta": {},
        "created_at": "2026-03-09T21:52:49.513742Z",
        "updated_at": "2026-03-09T22:16:08.746926Z",
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "total_predictions": 0,
        "project": 83,
        "updated_by": 1,
    } | changed


def in_short(clip: str, **values: Any) -> dict[str, Any]:
    """One entry of JSON-MIN."""
    return {
        "audio": "/data/local-files/?d=1.wav",
        "clip": clip,
        "id": 7,
        "annotator": 1,
        "annotation_id": 1001,
        "created_at": "2026-03-09T22:16:08.728353Z",
        "updated_at": "2026-03-09T22:16:08.728378Z",
        "lead_time": 4.288,
    } | values


def read(folder: Path, *tasks: Any, who: str = "me") -> list[tuple[str, str, str | None]]:
    file = folder / "export.json"
    file.write_text(json.dumps(list(tasks)))
    return [(row.clip, row.annotator, row.label) for row in label_studio.read(file, who)]


def refused(folder: Path, *tasks: Any) -> str:
    with pytest.raises(BadAnswers) as told:
        read(folder, *tasks)
    assert len(str(told.value)) < 600
    return str(told.value)


def test_tasks_have_an_address_to_play_and_the_clip_that_comes_back(tmp_path: Path) -> None:
    label_studio.write(tmp_path / "tasks.json", CLIPS, CLASSES)
    assert json.loads((tmp_path / "tasks.json").read_text()) == [
        {"data": {"audio": "/data/local-files/?d=a%20b/1%C3%A4.wav", "clip": "calls/a b/1"}},
        {"data": {"audio": "/data/local-files/?d=2.wav", "clip": "calls/2"}},
    ]
    label_studio.write(tmp_path / "tasks.json", CLIPS[1:], CLASSES, "https://host/speech/")
    (only,) = json.loads((tmp_path / "tasks.json").read_text())
    assert only["data"]["audio"] == "https://host/speech/2.wav"


def test_the_interface_plays_the_task_and_offers_each_class_and_who_cannot_tell_with_a_key(
    tmp_path: Path,
) -> None:
    interface = label_studio.write(tmp_path / "tasks.json", CLIPS, CLASSES)
    assert interface == tmp_path / "tasks.xml"
    view = ElementTree.parse(interface).getroot()
    audio, choices = view.find("Audio"), view.find("Choices")
    assert audio is not None
    assert choices is not None
    assert (view.tag, audio.get("value"), audio.get("name")) == ("View", "$audio", choices.get("toName"))
    assert (choices.get("name"), choices.get("choice"), choices.get("required")) == (
        "emotion",
        "single",
        "true",
    )
    assert [choice.get("value") for choice in choices] == [*CLASSES, "cannot tell"]
    keys = [choice.get("hotkey") for choice in choices]
    assert keys == ["1", "2", "3", "4"]


def test_twenty_classes_have_as_many_keys() -> None:
    view = ElementTree.fromstring(label_studio.interface_of([f"c{number}" for number in range(20)]))
    keys = [choice.get("hotkey") for choice in view.iter("Choice")]
    assert len(keys) == len(set(keys)) == 21


@pytest.mark.parametrize("name", ["tasks", "tasks.xml", "tasks.csv"])
def test_tasks_are_written_under_a_name_that_is_told_from_a_table_and_not_over_their_interface(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(BadValue, match=r"ends with \.json"):
        label_studio.write(tmp_path / name, CLIPS, CLASSES)
    assert list(tmp_path.iterdir()) == []


def test_several_annotators_answer_one_task(tmp_path: Path) -> None:
    exported = task("c/1", annotation(result("sad"), by=1), annotation(result("anger"), by=2))
    assert read(tmp_path, exported) == [("c/1", "1", "sad"), ("c/1", "2", "anger")]


def test_who_annotated_is_one_person_in_every_form_of_export(tmp_path: Path) -> None:
    """As a number, as an object, and as JSON-MIN has it: whoever exports both ways is not two annotators."""
    person = {"id": 5, "email": "ann@example.org", "first_name": "Ann", "last_name": ""}
    forms = [
        task("c/1", annotation(result("sad"), by=5)),
        task("c/1", annotation(result("sad"), by=person)),
        in_short("c/1", emotion="sad", annotator=5),
    ]
    assert {tuple(read(tmp_path, form)) for form in forms} == {(("c/1", "5", "sad"),)}


@pytest.mark.parametrize("by", [None, "", {}, {"email": ""}, {"id": None}])
def test_who_named_nobody_is_who_takes_the_answers_in(by: Any, tmp_path: Path) -> None:
    assert read(tmp_path, task("c/1", annotation(result("sad"), by=by))) == [("c/1", "me", "sad")]
    assert read(tmp_path, in_short("c/1", emotion="sad", annotator=by)) == [("c/1", "me", "sad")]


def test_an_address_names_who_has_no_number(tmp_path: Path) -> None:
    exported = task("c/1", annotation(result("sad"), by={"email": "ann@example.org"}))
    assert read(tmp_path, exported) == [("c/1", "ann@example.org", "sad")]


def test_who_skips_or_says_so_cannot_tell(tmp_path: Path) -> None:
    assert read(
        tmp_path,
        task("c/1", annotation(was_cancelled=True)),
        task("c/2", annotation(result("sad"), was_cancelled=True)),
        task("c/3", annotation(result("cannot tell"))),
        in_short("c/4", emotion="cannot tell"),
    ) == [(f"c/{number}", "1", None) for number in range(1, 5)]


def test_predictions_and_drafts_are_nobodys_answers_and_ground_truth_is_its_annotators(
    tmp_path: Path,
) -> None:
    guesses = [{"model_version": "m1", "result": [result("anger")], "score": 0.9}]
    drafts = [{"id": 3, "result": [result("anger")], "annotation": None}]
    assert read(
        tmp_path,
        task("c/1", predictions=guesses, drafts=drafts),
        task("c/2", annotation(result("sad"), ground_truth=True), predictions=guesses),
    ) == [("c/2", "1", "sad")]


def test_a_comment_beside_the_choice_is_passed_over(tmp_path: Path) -> None:
    comment = {"type": "textarea", "from_name": "why", "to_name": "audio", "value": {"text": ["loud"]}}
    exported = task("c/1", annotation(comment, result("happy", name="mood"), result("sad")))
    assert read(tmp_path, exported) == [("c/1", "1", "sad")]
    assert read(tmp_path, in_short("c/1", emotion="sad", why="loud", mood="happy")) == [("c/1", "1", "sad")]


def test_json_min_has_an_entry_for_each_annotation(tmp_path: Path) -> None:
    assert read(
        tmp_path,
        in_short("c/1", emotion="sad"),
        in_short("c/1", emotion="anger", annotator=2),
        in_short("c/2"),
    ) == [("c/1", "1", "sad"), ("c/1", "2", "anger")]


def test_several_labels_of_one_annotator_are_refused_in_both_forms(tmp_path: Path) -> None:
    told = "task 7 has several labels (sad, anger). Keep one."
    assert told in refused(tmp_path, task("c/1", annotation(result("sad", "anger"))))
    assert told in refused(tmp_path, task("c/1", annotation(result("sad"), result("anger"))))
    assert told in refused(tmp_path, in_short("c/1", emotion=[{"choices": ["sad", "anger"]}]))
    assert told in refused(tmp_path, in_short("c/1", emotion={"choices": ["sad", "anger"]}))


def test_tasks_of_another_project_are_refused(tmp_path: Path) -> None:
    other = task("c/1", annotation(result("sad")), data={"image": "https://example.org/1.jpg"})
    assert "task 7 does not say which clip it is" in refused(tmp_path, other)
    assert "does not say which clip" in refused(tmp_path, in_short("c/1", emotion="sad") | {"clip": 3})


@pytest.mark.parametrize(
    "tasks",
    [
        [task("c/1", annotation(result("positive", name="sentiment")))],
        [in_short("c/1", sentiment="positive")],
        [task("c/1"), task("c/2")],
        [{"data": {"audio": "1.wav", "clip": "c/1"}}],
        [],
    ],
    ids=["another interface", "and in short", "not annotated", "the tasks themselves", "none"],
)
def test_an_export_without_any_answer_is_told_as_that(tasks: list[Any], tmp_path: Path) -> None:
    told = refused(tmp_path, *tasks)
    assert f"none of its {len(tasks)} task" in told
    assert "has an answer to the choice 'emotion'" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b'[{"id": 1', "it is no JSON"),
        (b"[" * 1_000_000, "it is no JSON"),
        (b"[1" + b"0" * 5000 + b"]", "it is no JSON"),
        (b'{"id": 1}', "it is no list of tasks"),
        (b"[1, 2]", "it is no list of tasks"),
        (b"clip,label\nc/1,sad\n", "it is no JSON"),
        (b'[{"id": 1, "annotations": ["sad"]}]', "an annotation of task 1 is no object"),
        (b'[{"emotion": ' + b"[" * 500 + b"]" * 500 + b"}]", "has an answer to the choice"),
        (b'[{"id": "\\u001b[2J", "emotion": ["a", "b"], "clip": "c"}]', r"task \\x1b\[2J has several"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_export_is_refused_in_a_sentence(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_bytes(content)
    with pytest.raises(BadAnswers, match=told) as refusal:
        label_studio.read(tmp_path / "export.json", "me")
    assert len(str(refusal.value)) < 600


def test_an_export_with_a_byte_order_mark_and_other_letters_is_read(tmp_path: Path) -> None:
    exported = json.dumps([in_short("ä/1", emotion="fröhlich")], ensure_ascii=False)
    (tmp_path / "export.json").write_bytes(b"\xef\xbb\xbf" + exported.encode())
    assert label_studio.read(tmp_path / "export.json", "me") == [Row("task 7", "ä/1", "1", "fröhlich")]


def test_one_that_is_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "export.json").open("wb") as opened:
        opened.truncate(10**9)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("it was read"))
    with pytest.raises(BadAnswers, match="it has 1000 MB, and answers have 64 MB at most"):
        label_studio.read(tmp_path / "export.json", "me")


@pytest.mark.parametrize(
    ("name", "is_one"), [("e.json", True), ("E.JSON", True), ("e.csv", False), ("json", False)]
)
def test_an_export_is_told_by_the_end_of_its_name(name: str, is_one: bool) -> None:
    assert label_studio.is_export(Path(name)) == is_one


def test_what_one_annotator_says_twice_differently_is_refused_with_both_tasks(
    begin: Begin, tmp_path: Path
) -> None:
    opened = begin()
    clip = opened.stands().waiting[0].utterance
    file = tmp_path / "export.json"
    file.write_text(
        json.dumps(
            [
                task(clip, annotation(result("sad"), by=4), number=7),
                task(clip, annotation(result("happy"), by=4), number=8),
            ]
        )
    )
    rows = label_studio.read(file, "me")
    with pytest.raises(BadAnswers, match=f"4 says of '{clip}' both 'sad' in task 7 and 'happy' in task 8"):
        take(opened, opened.stands(), file, rows, "label-studio")


def test_the_one_annotator_of_an_export_can_be_named_so_that_nobody_counts_twice(tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps([task("c/1", annotation(result("sad"), by=5))]))
    assert [row.annotator for row in label_studio.read(file, "ann", named=True)] == ["ann"]
    two = [annotation(result("sad"), by=5), annotation(result("anger"), by=6)]
    file.write_text(json.dumps([task("c/1", *two)]))
    with pytest.raises(BadAnswers, match=r"answers of several annotators \(5, 6\).*Leave --annotator out"):
        label_studio.read(file, "ann", named=True)
