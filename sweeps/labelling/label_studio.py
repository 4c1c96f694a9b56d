"""A batch as tasks of Label Studio, and its exports: JSON and JSON-MIN."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from after_ray.corpora._csv_table import shortened
from after_ray.errors import BadValue
from after_ray.files import write_text
from after_ray.labelling import CANNOT_TELL, Clip
from after_ray.wording import counted, first_of
from sweeps.labelling.incoming import BadAnswers, Row, refuse_unreadable

CONTROL = "emotion"  # the name of the choice in a labelling interface
LOCAL_FILES = "/data/local-files/?d="  # where Label Studio serves files of its own machine
SUFFIX = ".json"
MOST_BYTES = 64_000_000  # an export has some kB for a task, with predictions and drafts


def write(path: Path, clips: Sequence[Clip], classes: Sequence[str], audio: str = LOCAL_FILES) -> Path:
    """Write tasks to import, and beside them the labelling interface of their project; returns its path.

    `audio`: what comes before the path of a clip below the recordings, in the address that is played.

    Raises:
        BadValue: when the name does not end with .json, by which an export is told from a CSV.
    """
    if not is_export(path) or path.is_dir():
        raise BadValue(
            "--label-studio", str(path), "the name of a file that ends with .json, such as tasks.json"
        )
    tasks = [{"data": {"audio": audio + quote(clip.path), "clip": clip.utterance}} for clip in clips]
    write_text(path, json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")
    interface = path.with_suffix(".xml")
    write_text(interface, interface_of(classes))
    return interface


def interface_of(classes: Sequence[str]) -> str:
    """A player and one choice per class, with a key for each."""
    choices = [*classes, "cannot tell"]
    keys = [*"123456789", "0", *"qwertyuiopasdfghjkl"]
    lines = [
        f"    <Choice value={quoteattr(name)} hotkey={quoteattr(key)}/>"
        for name, key in zip(choices, keys, strict=False)
    ]
    return "\n".join(
        [
            "<View>",
            '  <Audio name="audio" value="$audio"/>',
            f'  <Choices name="{CONTROL}" toName="audio" choice="single" required="true">',
            *lines,
            "  </Choices>",
            "</View>",
            "",
        ]
    )


def read(path: Path, annotator: str, *, named: bool = False) -> list[Row]:
    """The answers of an export.

    Args:
        path: of the export.
        annotator: who gave those that name nobody.
        named: whether somebody has said so, for then it is the name of the only annotator of the export too,
            whose number in Label Studio would else be another person than the same one at the page.

    Raises:
        BadAnswers: when it is no export, or `named` is one person and there are several.
    """
    refuse_unreadable(path, MOST_BYTES)
    remedy = "Export the project from Label Studio as JSON or JSON-MIN."
    try:
        tasks = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadAnswers(path, f"it is no JSON ({error})", remedy) from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise BadAnswers(path, "it is no list of tasks", remedy)
    rows = [row for number, task in enumerate(tasks, 1) for row in _rows(path, number, task, annotator)]
    if not rows:  # of other tasks, of another interface, or the tasks themselves
        raise BadAnswers(
            path,
            f"none of its {counted(len(tasks), 'task')} has an answer to the choice '{CONTROL}'",
            "Label them in a project with the interface that 'after-ray annotate next --label-studio' wrote "
            "beside them, and export it as JSON or JSON-MIN.",
        )
    return _by(path, rows, annotator) if named else rows


def _by(path: Path, rows: Sequence[Row], annotator: str) -> list[Row]:
    others = sorted({row.annotator for row in rows} - {annotator})
    if len({row.annotator for row in rows}) > 1:
        who = first_of([shortened(name) for name in others])
        remedy = (
            "Leave --annotator out, which names one; annotators then go by their numbers in Label Studio."
        )
        raise BadAnswers(path, f"it has answers of several annotators ({who})", remedy)
    return [replace(row, annotator=annotator) for row in rows]


def _rows(path: Path, number: int, task: Mapping[str, Any], annotator: str) -> Iterator[Row]:
    where = f"task {shortened(str(task.get('id', number)))}"
    if "annotations" not in task:  # JSON-MIN: one entry per annotation, its values in the task itself
        if chosen := _named(task.get(CONTROL)):
            who = _name(task.get("annotator"), annotator)
            yield Row(where, _clip(path, where, task), who, _label(path, where, chosen))
        return
    data = task.get("data")
    annotations = task["annotations"]
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, dict):
            raise BadAnswers(path, f"an annotation of {where} is no object", "Export it anew.")
        chosen, skipped = _chosen(annotation), bool(annotation.get("was_cancelled"))
        if chosen or skipped:
            clip = _clip(path, where, data if isinstance(data, dict) else {})
            who = _name(annotation.get("completed_by"), annotator)
            yield Row(where, clip, who, None if skipped else _label(path, where, chosen))


def _clip(path: Path, where: str, data: Mapping[str, Any]) -> str:
    clip = data.get("clip")
    if not isinstance(clip, str):
        remedy = "Import the tasks that 'after-ray annotate next --label-studio' wrote, and export those."
        raise BadAnswers(path, f"{where} does not say which clip it is", remedy)
    return clip


def _chosen(annotation: Mapping[str, Any]) -> list[str]:
    results = annotation.get("result")
    return [
        name
        for result in (results if isinstance(results, list) else ())
        if isinstance(result, dict) and result.get("from_name") == CONTROL
        for name in _named(result.get("value"))
    ]


def _named(value: Any) -> list[str]:
    """The choices of a value: its text, its `choices`, or those of several, as JSON-MIN lists them."""
    parts = value if isinstance(value, list) else [value]
    lists = [part.get("choices") if isinstance(part, dict) else [part] for part in parts]
    return [name for each in lists if isinstance(each, list) for name in each if isinstance(name, str)]


def _label(path: Path, where: str, chosen: Sequence[str]) -> str | None:
    if len(set(chosen)) > 1:
        several = first_of([shortened(name) for name in chosen])
        raise BadAnswers(path, f"{where} has several labels ({several})", "Keep one.")
    return None if chosen[0].casefold() in CANNOT_TELL else chosen[0]


def _name(said: Any, otherwise: str) -> str:
    """Who annotated: a number in Label Studio, or an object that has it.

    The number and not the e-mail address: some exports have the number alone, and nobody may count twice.
    """
    if isinstance(said, dict):
        said = said.get("email") if said.get("id") in (None, "") else said["id"]
    return otherwise if said in (None, "") else str(said)


def is_export(path: Path) -> bool:
    """Whether a file is told by its name to be one of these."""
    return PurePosixPath(path.name).suffix.lower() == SUFFIX
