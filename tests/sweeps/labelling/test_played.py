"""Somebody who knows labels a corpus whose labels are hidden: it is the simulated study, bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import Store
from sweeps.launching.ray_start import Where, running_ray
from sweeps.planning.opening import open_study
from tests.after_ray.tiny import TINY
from tests.buckets import ADDRESS, buckets_in_memory
from tests.sweeps.labelling.calls import (
    CLASSES,
    annotate,
    bits_of,
    emodb,
    read_rows,
    rounds_of,
    run_here,
    study_in,
    write_rows,
)
from tests.sweeps.labelling.conftest import Recordings

Play = Callable[[Path, Recordings], Path]
SAME_NAME = {"name": "csv", "file": "known.csv", "called": "unknown"}  # so that ids of utterances are equal
BY_TRUTH = ("wrong", "wrong_acquired")  # what only a corpus' own labels can say of answers


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


def begin(folder: Path, recordings: Recordings, *options: object, **changed: Any) -> None:
    unlimited = ("--validation", 0, "--test", 0)
    audio = ("--audio", recordings.folder / "unknown.csv", "--classes", CLASSES)
    said("start", folder, study_in(folder, corpus=SAME_NAME, **changed), *audio, *unlimited, *options)


def simulate(folder: Path, recordings: Recordings, **changed: Any) -> None:
    """The study on known labels, in this process and without Ray."""
    shutil.copy(recordings.folder / "known.csv", folder)
    (folder / "speech").symlink_to(recordings.folder / "speech")
    run_here([open_study(study_in(folder, corpus=SAME_NAME, **changed), folder / "simulated")])


def assert_the_same(folder: Path, rounds: int, simulated: Path | None = None, each: int = 1) -> None:
    """Selections, measures and predictions; every utterance had `each` annotators."""
    simulated = simulated or folder / "simulated"
    known, played = rounds_of(simulated), rounds_of(folder / "store")
    assert len(known) == len(played) == rounds
    for one, other in zip(known, played, strict=True):
        assert one.details["acquired"] == other.details["acquired"]
        annotations = {"annotations": each * (one.measures["labelled"] or 0)}
        told = {name: value for name, value in one.measures.items() if name not in BY_TRUTH}
        assert told | annotations == dict(other.measures)
        assert bits_of(simulated, one) == bits_of(folder / "store", other)
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


def test_soft_labels_are_those_of_a_simulated_study_whose_corpus_has_the_votes(
    tmp_path: Path, recordings: Recordings
) -> None:
    """Two annotators know and one always says sad: their majority is the truth, and their shares are not."""
    (tmp_path / "sure").mkdir()
    simulate(tmp_path / "sure", recordings, schedule=[35])
    begin(tmp_path, recordings, "--soft", "--annotators", 3, schedule=[35, 60])
    for _ in range(2):
        file = through_csv(tmp_path, recordings)
        file.write_bytes(file.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b";", b","))
        rows = read_rows(file)
        unsure = [row | {"annotator": "cy", "label": "sad"} for row in rows]
        write_rows(file, [*rows, *(row | {"annotator": "bo"} for row in rows), *unsure])
        said("import", tmp_path, file)
    known = read_rows(recordings.folder / "known.csv")
    votes = ({"votes": "sad=3" if row["emotion"] == "sad" else f"{row['emotion']}=2 sad=1"} for row in known)
    voted = Recordings(tmp_path / "voted", recordings.truth)
    voted.folder.mkdir()
    (voted.folder / "speech").symlink_to(recordings.folder / "speech")
    write_rows(voted.folder / "known.csv", [row | cell for row, cell in zip(known, votes, strict=True)])
    simulate(tmp_path, voted, schedule=[35, 60], annotation="soft")
    assert_the_same(tmp_path, 2, each=3)
    first, sure = (rounds_of(store)[0] for store in (tmp_path / "store", tmp_path / "sure" / "simulated"))
    assert first.details["acquired"] == sure.details["acquired"]
    assert bits_of(tmp_path / "store", first) != bits_of(tmp_path / "sure" / "simulated", sure)


@pytest.mark.slow
def test_emodb_with_hidden_labels_is_the_simulated_study(tmp_path: Path, corpora: Path) -> None:
    folder = tmp_path / "emodb"
    folder.mkdir()
    recordings = Recordings(folder, emodb(folder, corpora / "emodb"), ".flac")
    protocol = {"preset": "paper", "validation": "by_speaker"}
    study: dict[str, Any] = {"schedule": [10, 20, 30], "protocol": protocol}
    simulate(tmp_path, recordings, **study)
    for play in (through_csv, through_label_studio):
        played = tmp_path / play.__name__
        played.mkdir()
        begin(played, recordings, **study)
        for _ in range(3):
            said("import", played, play(played, recordings))
        assert_the_same(played, 3, tmp_path / "simulated")


@pytest.mark.slow
def test_a_transformer_adapts_before_anybody_labels_and_is_the_simulated_one(
    tmp_path: Path, recordings: Recordings
) -> None:
    study: dict[str, Any] = {
        "classifier": {
            "name": "pooled_transformer",
            "fitting": {"max_epochs": 1, "min_updates": 4, "batch_size": 8},
        },
        "backbone": {"config": {k: list(v) if isinstance(v, tuple) else v for k, v in TINY.items()}},
        "adaptation": {"steps": 3, "batch_seconds": 4, "max_seconds": 1, "negatives": 5},
        "schedule": [35, 60],
    }
    simulate(tmp_path, recordings, **study)
    begin(tmp_path, recordings, **study)
    adapted = {name: adaptation_of(tmp_path / name) for name in ("simulated", "store")}
    for _ in range(2):
        said("import", tmp_path, through_csv(tmp_path, recordings))
    assert_the_same(tmp_path, 2)
    assert adapted["simulated"] == adapted["store"] == adaptation_of(tmp_path / "store")


def adaptation_of(store: Path) -> str:
    """The digest of the one adapted backbone of a store."""
    found = Store(str(store))
    records = map(found.need, found.ledger.finished())
    (one,) = (record for record in records if record.kind == "adaptation")
    return one.files["backbone.safetensors"].sha256


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
    assert output.splitlines()[-1].startswith("all 3 rounds are labelled and trained")


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
    assert output.splitlines()[-1].startswith("all 2 rounds are labelled and trained")
    assert_the_same(tmp_path, 2)
