"""Somebody who knows labels a corpus whose labels are hidden: it is the simulated study, bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeps.launching.ray_start import Where, running_ray
from sweeps.planning.opening import open_study
from tests.buckets import ADDRESS, buckets_in_memory
from tests.sweeps.labelling.calls import (
    CLASSES,
    annotate,
    bits_of,
    read_rows,
    rounds_of,
    run_here,
    study_in,
    write_rows,
)
from tests.sweeps.labelling.conftest import Recordings

Play = Callable[[Path, Recordings], Path]
SAME_NAME = {"name": "csv", "file": "known.csv", "called": "unknown"}  # so that ids of utterances are equal


def through_csv(folder: Path, recordings: Recordings) -> Path:
    """A batch as a table, filled in as Excel saves it."""
    file = folder / "batch.csv"
    said("next", folder, "--out", file)
    rows = [row | {"label": recordings.emotion(row["clip"]), "annotator": "ann"} for row in read_rows(file)]
    write_rows(file, rows)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b",", b";"))
    return file


def through_label_studio(folder: Path, recordings: Recordings) -> Path:
    """A batch as tasks, and the export that Label Studio makes of them."""
    said("next", folder, "--label-studio", folder / "tasks.json")
    exported = folder / "export.json"
    tasks = json.loads((folder / "tasks.json").read_text())
    exported.write_text(json.dumps([_done(*each, recordings) for each in enumerate(tasks, 100)]))
    return exported


def through_json_min(folder: Path, recordings: Recordings) -> Path:
    """The same as JSON-MIN."""
    tasks = json.loads(through_label_studio(folder, recordings).read_text())
    (folder / "min.json").write_text(
        json.dumps(
            [one["data"] | {"id": one["id"], "annotator": 1, "emotion": _chosen(one)} for one in tasks]
        )
    )
    return folder / "min.json"


def _done(number: int, task: dict[str, Any], recordings: Recordings) -> dict[str, Any]:
    value = {"choices": [recordings.emotion(task["data"]["clip"])]}
    result = {"value": value, "from_name": "emotion", "to_name": "audio", "type": "choices", "id": "x"}
    annotation = {"id": number, "completed_by": 1, "result": [result], "was_cancelled": False}
    return {"id": number, "annotations": [annotation], "predictions": [], "drafts": [], **task}


def _chosen(task: dict[str, Any]) -> str:
    return str(task["annotations"][0]["result"][0]["value"]["choices"][0])


def said(command: str, folder: Path, *options: object) -> str:
    code, output = annotate(command, *options, "--store", folder / "store")
    assert code == 0, output
    return output


def begin(folder: Path, recordings: Recordings, **changed: Any) -> None:
    unlimited = ("--validation", 0, "--test", 0)
    audio = ("--audio", recordings.folder / "unknown.csv", "--classes", CLASSES)
    said("start", folder, study_in(folder, corpus=SAME_NAME, **changed), *audio, *unlimited)


def simulate(folder: Path, recordings: Recordings, **changed: Any) -> None:
    """The study on known labels, in this process and without Ray."""
    shutil.copy(recordings.folder / "known.csv", folder)
    (folder / "speech").symlink_to(recordings.folder / "speech")
    run_here([open_study(study_in(folder, corpus=SAME_NAME, **changed), folder / "simulated")])


def assert_the_same(folder: Path, rounds: int) -> None:
    known, played = rounds_of(folder / "simulated"), rounds_of(folder / "store")
    assert len(known) == len(played) == rounds
    for one, other in zip(known, played, strict=True):
        assert one.details["acquired"] == other.details["acquired"]
        assert dict(one.measures) | {"annotations": one.measures["labelled"]} == dict(other.measures)
        assert bits_of(folder / "simulated", one) == bits_of(folder / "store", other)
    assert len({bits_of(folder / "store", one)["test_log_probabilities"] for one in played}) == rounds


@pytest.mark.parametrize("play", [through_csv, through_label_studio, through_json_min])
def test_whoever_answers_by_file_makes_the_simulated_study(
    play: Play, tmp_path: Path, recordings: Recordings
) -> None:
    simulate(tmp_path, recordings)
    begin(tmp_path, recordings)
    for _ in range(3):
        said("import", tmp_path, play(tmp_path, recordings))
    assert_the_same(tmp_path, 3)


def test_what_is_answered_bit_by_bit_and_changed_meanwhile_makes_it_too(
    tmp_path: Path, recordings: Recordings
) -> None:
    """In another order, by three annotators with one majority, with an answer that is mended in time."""
    simulate(tmp_path, recordings)
    begin(tmp_path, recordings)
    file = through_csv(tmp_path, recordings)
    file.write_bytes(file.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b";", b","))
    rows = read_rows(file)[::-1]
    wrong = "sad" if rows[0]["label"] != "sad" else "anger"
    for part in ([rows[0] | {"label": wrong}, *rows[3:]], rows[:1], rows[1:3]):
        write_rows(file, part)
        said("import", tmp_path, file)
    for _ in range(2):
        said("import", tmp_path, through_csv(tmp_path, recordings))
    assert_the_same(tmp_path, 3)


def test_a_labelling_in_a_bucket_is_one_like_any_other(
    tmp_path: Path, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    buckets_in_memory(tmp_path / "node", monkeypatch)
    store = ("--store", f"{ADDRESS}/calls")
    audio = ("--audio", recordings.folder / "unknown.csv", "--classes", CLASSES)
    study, file = study_in(tmp_path), tmp_path / "batch.csv"
    assert annotate("start", study, *audio, "--validation", 4, "--test", 6, *store)[0] == 0
    code, output = annotate("start", study, *audio, *store)
    assert (code, f"has begun in {ADDRESS}/calls" in output) == (1, True)
    for number in range(3):
        shutil.rmtree(tmp_path / "node", ignore_errors=True)  # another machine goes on
        annotate("next", "--out", file, *store)
        rows = [
            row | {"label": recordings.emotion(row["clip"]), "annotator": "ann"} for row in read_rows(file)
        ]
        write_rows(file, rows)
        code, output = annotate("import", file, *store)
        assert (code, f"round {number}: " in output) == (0, True), output
    assert output.splitlines()[-1] == "all 3 rounds are labelled and trained"


@pytest.mark.ray
def test_through_ray_a_table_and_an_export_make_the_simulated_study(
    tmp_path: Path, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = [35, 60]
    simulate(tmp_path, recordings, schedule=schedule)
    with monkeypatch.context() as patch:  # what round 0 asks for is the same from either
        patch.setattr("sweeps.labelling.going.run_studies", run_here)
        begin(tmp_path, recordings, schedule=schedule)
    with running_ray(Where(cpus=1)):  # one for both commands: each would start its own
        said("import", tmp_path, through_csv(tmp_path, recordings))
        output = said("import", tmp_path, through_label_studio(tmp_path, recordings))
    assert output.splitlines()[-1] == "all 2 rounds are labelled and trained"
    assert_the_same(tmp_path, 2)
