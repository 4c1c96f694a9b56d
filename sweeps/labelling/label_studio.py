"""A batch as tasks of Label Studio, and its exports: JSON and JSON-MIN."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from after_ray.files import write_text
from after_ray.labelling import Clip
from sweeps.labelling.incoming import CANNOT_TELL, BadAnswers, Row, refuse_large

CONTROL = "emotion"  # the name of the choice in a labelling interface
LOCAL_FILES = "/data/local-files/?d="  # where Label Studio serves files of its own machine
SUFFIX = ".json"


def write(path: Path, clips: Sequence[Clip], classes: Sequence[str], audio: str = LOCAL_FILES) -> Path:
    """Write tasks to import, and beside them the labelling interface of their project; returns its path.

    `audio`: what comes before the path of a clip below the recordings, in the address that is played.
    """
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


def read(path: Path, annotator: str) -> list[Row]:
    """The answers of an export; `annotator` is who gave those that name nobody.

    Raises:
        BadAnswers: when it is no export.
    """
    refuse_large(path)
    remedy = "Export the project from Label Studio as JSON or JSON-MIN."
    try:
        tasks = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadAnswers(path, f"it is no JSON ({error})", remedy) from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise BadAnswers(path, "it is no list of tasks", remedy)
    return [row for number, task in enumerate(tasks, 1) for row in _rows(path, number, task, annotator)]


def _rows(path: Path, number: int, task: Mapping[str, Any], annotator: str) -> Iterator[Row]:
    where = f"task {task.get('id', number)}"
    if "annotations" not in task:  # JSON-MIN: one entry per annotation, its values in the task itself
        if isinstance(label := task.get(CONTROL), str):
            who = _name(task.get("annotator"), annotator)
            yield Row(where, _clip(path, where, task), who, _label(path, where, [label]))
        return
    data = task.get("data")
    clip = _clip(path, where, data if isinstance(data, dict) else {})
    for annotation in task["annotations"] if isinstance(task["annotations"], list) else ():
        if not isinstance(annotation, dict):
            raise BadAnswers(path, f"an annotation of {where} is no object", "Export it anew.")
        who = _name(annotation.get("completed_by"), annotator)
        if annotation.get("was_cancelled"):  # skipped
            yield Row(where, clip, who, None)
        elif chosen := _chosen(annotation):
            yield Row(where, clip, who, _label(path, where, chosen))


def _clip(path: Path, where: str, data: Mapping[str, Any]) -> str:
    clip = data.get("clip")
    if not isinstance(clip, str):
        remedy = "Import the tasks that 'after-ray annotate next --label-studio' wrote, and export those."
        raise BadAnswers(path, f"{where} does not say which clip it is", remedy)
    return clip


def _chosen(annotation: Mapping[str, Any]) -> list[str]:
    results = annotation.get("result")
    found: list[str] = []
    for result in results if isinstance(results, list) else ():
        if isinstance(result, dict) and result.get("from_name") == CONTROL:
            value = result.get("value")
            choices = value.get("choices") if isinstance(value, dict) else None
            found += [str(choice) for choice in choices] if isinstance(choices, list) else []
    return found


def _label(path: Path, where: str, chosen: Sequence[str]) -> str | None:
    if len(set(chosen)) > 1:
        raise BadAnswers(path, f"{where} has several labels ({', '.join(chosen)})", "Keep one.")
    return None if chosen[0].casefold() in CANNOT_TELL else chosen[0]


def _name(said: Any, otherwise: str) -> str:
    """Who annotated: an id, or an object with an e-mail address."""
    if isinstance(said, dict):
        said = said.get("email") or said.get("id")
    return otherwise if said in (None, "") else str(said)


def is_export(path: Path) -> bool:
    """Whether a file is told by its name to be one of these."""
    return PurePosixPath(path.name).suffix.lower() == SUFFIX
