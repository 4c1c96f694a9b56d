"""`after-ray annotate`: what each command says, one sentence for every mistake; nothing here starts Ray."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from after_ray.store import Store
from sweeps.cli import app
from sweeps.labelling.opening import OpenLabelling
from sweeps.running.progress import NOTHING_MORE, Progress, write_progress
from tests.sweeps.labelling.calls import (
    CLASSES,
    annotate,
    read_rows,
    rounds_of,
    run_here,
    speech,
    study_in,
    write_rows,
)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("calls")
    return folder, speech(folder)


@pytest.fixture(autouse=True)
def _without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.labelling.going.run_studies", run_here)


@pytest.fixture
def begin(calls: tuple[Path, dict[str, str]], tmp_path: Path) -> Any:
    """Begins a labelling; returns what was said."""

    def started(*options: object, **changed: Any) -> tuple[int, str]:
        study, audio = study_in(tmp_path, **changed), calls[0] / "unknown.csv"
        given = ("--audio", audio, "--store", tmp_path / "store", "--classes", CLASSES)
        return annotate("start", study, *given, *options)

    return started


@pytest.fixture(scope="module")
def _begun(calls: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweeps.labelling.going.run_studies", run_here)
        study, audio = study_in(folder), calls[0] / "unknown.csv"
        annotate("start", study, "--audio", audio, "--store", folder / "store", "--classes", CLASSES)
    return folder / "store"


@pytest.fixture
def _waiting(_begun: Path, tmp_path: Path) -> None:
    """A labelling that waits for the answers to round 0."""
    shutil.copytree(_begun, tmp_path / "store")


def in_store(folder: Path, *arguments: object) -> tuple[int, str]:
    """A command on the store of a test; its exit code and last line."""
    code, output = annotate(*arguments, "--store", folder / "store")
    return code, output.rstrip().splitlines()[-1]


def filled(file: Path, truth: dict[str, str], **cells: str) -> Path:
    rows = [row | {"label": truth[row["clip"].partition("/")[2] + ".wav"]} | cells for row in read_rows(file)]
    write_rows(file, rows)
    return file


def test_the_commands_are_listed_without_anything_heavy() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from sweeps.cli import app\n"
        "assert CliRunner().invoke(app, ['annotate', 'import', '--help']).exit_code == 0\n"
        "heavy = {'torch', 'ray', 'mlflow', 'pandas', 'sklearn', 'starlette', 'uvicorn', 'PIL', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_labelling_from_its_start_to_its_end(
    begin: Any, calls: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    code, output = begin()
    assert (code, output.splitlines()[-1][:22]) == (0, "round 0 asks for 33 cl")
    for number in range(3):
        code, output = annotate("next", "--store", tmp_path / "store", "--out", tmp_path / "batch.csv")
        count = len(rows := read_rows(tmp_path / "batch.csv"))
        assert (code, output.splitlines()[0]) == (0, f"{count} clips in {tmp_path}/batch.csv")
        assert f"round {number} asks for {count} clips; {count} clips wait for an answer (" in output
        file = filled(tmp_path / "batch.csv", calls[1], annotator="ann")
        code, output = annotate("import", file, "--store", tmp_path / "store")
        assert (code, output.splitlines()[0]) == (0, f"{count} answers taken in")
        assert f"round {number}: " in output
    (tmp_path / "batch.csv").unlink()
    for command in (["status"], ["next", "--out", tmp_path / "batch.csv"]):
        code, told = in_store(tmp_path, *command)
        assert (code, told.partition(";")[0]) == (0, "all 3 rounds are labelled and trained")
    assert not (tmp_path / "batch.csv").exists(), "an empty batch was written"
    write_rows(tmp_path / "late.csv", [row | {"label": "cannot tell", "annotator": "bo"} for row in rows])
    code, output = annotate("import", tmp_path / "late.csv", "--store", tmp_path / "store")
    assert (code, output.splitlines()[0]) == (0, "0 answers taken in")
    assert output.count("comes late") == len(rows)


@pytest.mark.usefixtures("_waiting")
def test_a_part_of_a_round_may_come_in_and_what_waits_is_written_next(
    calls: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    in_store(tmp_path, "next", "--out", tmp_path / "batch.csv")
    rows = read_rows(filled(tmp_path / "batch.csv", calls[1]))
    opened = OpenLabelling.of(Store(str(tmp_path / "store")), None)
    train = [clip.utterance for clip in opened.stands().waiting if clip.part == "train"][:2]
    late = [row for row in rows if row["clip"] in train]
    early = [row | {"label": ""} if row in late else row for row in rows]
    write_rows(tmp_path / "batch.csv", early)
    code, output = annotate(
        "import", tmp_path / "batch.csv", "--store", tmp_path / "store", "--annotator", "ann"
    )
    assert (code, output.splitlines()[0]) == (0, "31 answers taken in")
    assert "2 clips wait for an answer (2 of train)" in output
    in_store(tmp_path, "next", "--out", tmp_path / "rest.csv")
    assert [row["clip"] for row in read_rows(tmp_path / "rest.csv")] == [row["clip"] for row in late]
    write_rows(tmp_path / "rest.csv", late[:1])
    code, told = in_store(tmp_path, "import", tmp_path / "rest.csv", "--annotator", "ann")
    assert (code, "; 1 clip waits for an answer (1 of train)" in told) == (0, True)


@pytest.mark.usefixtures("_waiting")
def test_what_was_written_by_another_is_theirs_and_the_rest_of_whoever_takes_it_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_store(tmp_path, "next", "--out", tmp_path / "batch.csv")
    rows = read_rows(tmp_path / "batch.csv")
    filled_in = [rows[0] | {"label": "sad"}, rows[1] | {"label": "sad", "annotator": "bo"}]
    write_rows(tmp_path / "two.csv", filled_in)
    monkeypatch.setattr(getpass, "getuser", lambda: "me")
    assert in_store(tmp_path, "import", tmp_path / "two.csv")[0] == 0
    (said,) = (tmp_path / "store" / "labelling").glob("*/answers/*.json")
    assert [one["annotator"] for one in json.loads(said.read_text())["answers"]] == ["me", "bo"]


@pytest.mark.usefixtures("_waiting")
def test_in_a_container_whose_user_has_no_name_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise OSError("No username set in the environment")

    in_store(tmp_path, "next", "--out", tmp_path / "batch.csv")
    write_rows(tmp_path / "batch.csv", [row | {"label": "sad"} for row in read_rows(tmp_path / "batch.csv")])
    monkeypatch.setattr(getpass, "getuser", nobody)
    code, told = in_store(tmp_path, "import", tmp_path / "batch.csv")
    assert (code, told.endswith("no annotator is named in line 2. Name one with --annotator.")) == (1, True)
    assert in_store(tmp_path, "import", tmp_path / "batch.csv", "--annotator", "ann")[0] == 0


@pytest.mark.usefixtures("_waiting")
def test_tasks_go_out_and_an_export_comes_in(calls: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    code, output = annotate("next", "--store", tmp_path / "store", "--label-studio", file)
    assert (code, output.splitlines()[0]) == (
        0,
        f"33 tasks in {file}, their project's interface in {tmp_path}/tasks.xml",
    )
    entries = [
        task["data"] | {"id": number, "annotator": 1, "emotion": calls[1][task["data"]["clip"][8:] + ".wav"]}
        for number, task in enumerate(json.loads(file.read_text()))
    ]
    (tmp_path / "export.json").write_text(json.dumps(entries))
    code, output = annotate("import", tmp_path / "export.json", "--store", tmp_path / "store")
    assert (code, output.splitlines()[0]) == (0, "33 answers taken in")
    assert len(rounds_of(tmp_path / "store")) == 1


@pytest.mark.parametrize("command", [["status"], ["next"], ["import", "answers.csv"], ["serve"]])
def test_without_a_store_nothing_is_made_and_one_sentence_is_said(command: list[str], tmp_path: Path) -> None:
    code, told = in_store(tmp_path, *command)
    assert (code, told[:32]) == (1, "error: There is no store at " + str(tmp_path)[:4])
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_a_labelling_says_how_to_begin_one(tmp_path: Path) -> None:
    (tmp_path / "store" / "ledger").mkdir(parents=True)
    code, told = in_store(tmp_path, "status")
    assert (code, "begin one: after-ray annotate start STUDY --audio DIR" in told) == (1, True)


@pytest.mark.parametrize(
    ("options", "changed", "told"),
    [
        (["--classes", "anger"], {}, "error: Bad --classes: 'anger'; allowed: 2 to 20 names"),
        (["--classes", " , "], {}, "error: Bad --classes: ','"),
        (["--classes", ""], {}, "error: The corpus of 'calls' does not say which classes there are"),
        (
            ["--audio", "nowhere"],
            {},
            "error: Bad --audio: 'nowhere'; allowed: a folder of recordings, or a CSV",
        ),
        ([], {"strategy": ["entropy", "margin"]}, "error: The study has 2 values of 'strategy'"),
        ([], {"schedule": [1, 2]}, "error: Bad schedule"),
        (["--set", "study=a b"], {}, "study"),
        (["--set", "strategy=nothing"], {}, "nothing"),
    ],
)
def test_what_cannot_be_begun_is_one_sentence_and_leaves_nothing(
    options: list[str], changed: dict[str, Any], told: str, begin: Any, tmp_path: Path
) -> None:
    code, output = begin(*options, **changed)
    assert code == 1
    assert told in output
    assert "Traceback" not in output
    assert not list(tmp_path.glob("store/labelling/*"))


@pytest.mark.parametrize("options", [["--annotators", "0"], ["--validation", "-1"], ["--test", "x"]])
def test_numbers_that_are_none_are_refused(options: list[str], begin: Any) -> None:
    assert begin(*options)[0] == 2


def test_a_second_start_and_an_unknown_or_unnamed_labelling_are_told(begin: Any, tmp_path: Path) -> None:
    begin()
    code, output = begin()
    assert (code, "A labelling for the study 'calls' has begun" in output) == (1, True)
    assert begin("--set", "study=more")[0] == 0
    code, told = in_store(tmp_path, "status")
    assert (code, told.endswith("has labellings of calls, more; say which one with --study NAME.")) == (
        1,
        True,
    )
    code, told = in_store(tmp_path, "next", "--study", "x")
    assert (code, told.endswith("has no labelling of 'x'; allowed: calls, more.")) == (1, True)
    assert in_store(tmp_path, "status", "--study", "more")[0] == 0


@pytest.mark.usefixtures("_waiting")
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("answers.csv", b"clip,label\nelse/1,sad\n", "nobody was asked for 'else/1' in line 2"),
        ("answers.csv", b"clip,label\nc\0,sad\n", "line 2 has a NUL byte"),
        ("answers.csv", b"PK\x03\x04\x00", "NUL byte, as UTF-16 and spreadsheets' own files do"),
        ("answers.json", b"{", "it is no JSON"),
        ("answers.json", b"[]", "none of its 0 tasks has an answer"),
        ("folder.csv", None, "it is no file"),
        ("missing.csv", None, "it cannot be opened (No such file or directory). Check its path."),
    ],
)
def test_what_cannot_be_taken_in_is_one_sentence_and_nothing_of_it_counts(
    name: str, content: bytes | None, told: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.csv").mkdir()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, output = annotate("import", tmp_path / name, "--store", tmp_path / "store")
    assert code == 1
    assert output.startswith("error: ")
    assert told in output
    assert not list(tmp_path.glob("store/labelling/*/answers/*"))


@pytest.mark.usefixtures("_waiting")
@pytest.mark.parametrize(
    "options", [["--out", "."], ["--label-studio", "tasks"], ["--label-studio", "a.xml"]]
)
def test_a_batch_needs_the_name_of_a_file(options: list[str], tmp_path: Path) -> None:
    code, told = in_store(tmp_path, "next", *options)
    assert (code, told[:11]) == (1, "error: Bad ")


@pytest.mark.usefixtures("_waiting")
def test_status_and_run_of_a_study_that_waits_say_so_with_the_command_that_goes_on(
    calls: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (study,) = (tmp_path / "store" / "labelling").glob("*/study.yaml")
    goes_on = f"'after-ray annotate next --study calls --store {tmp_path}/store' writes a file to label"

    def said(command: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [command, str(study), "--store", str(tmp_path / "store")])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, " ".join(done.output.split())

    monkeypatch.setattr("sweeps.running.studies.run_studies", run_here)
    code, told = said("run")
    assert (code, told.endswith(f"3 cells are missing; round 0: 33 clips wait for people; {goes_on}")) == (
        1,
        True,
    )
    write_progress(Store(str(tmp_path / "store")), "calls", Progress(3, 0, ended=NOTHING_MORE))  # of that run
    code, told = said("status")
    assert (code, f"round 0: 33 clips wait for people; {goes_on}" in told) == (0, True)
    assert "was not part of that launch" not in told

    in_store(tmp_path, "next", "--out", tmp_path / "batch.csv")
    in_store(tmp_path, "import", filled(tmp_path / "batch.csv", calls[1], annotator="ann"))
    code, told = said("run")
    assert (code, told.endswith(f"2 cells are missing; round 1: 5 clips wait for people; {goes_on}")) == (
        1,
        True,
    )
    assert "Utterances of all parts are labelled by people who listened" in "".join(
        page.read_text() for page in (tmp_path / "store" / "reports").rglob("*.html")
    )


@pytest.mark.usefixtures("_waiting")
def test_a_session_that_was_killed_in_a_training_goes_on_with_next(
    calls: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*asked: Any) -> Any:
        raise KeyboardInterrupt

    in_store(tmp_path, "next", "--out", tmp_path / "batch.csv")
    file = filled(tmp_path / "batch.csv", calls[1], annotator="ann")
    with monkeypatch.context() as patch:
        patch.setattr("sweeps.labelling.going.run_studies", die)
        code, output = annotate("import", file, "--store", tmp_path / "store")
        assert (code, output.splitlines()[0]) == (130, "33 answers taken in")
    assert rounds_of(tmp_path / "store") == []
    assert in_store(tmp_path, "status")[1].startswith("no clip is asked for yet")
    code, output = annotate("next", "--store", tmp_path / "store", "--out", tmp_path / "batch.csv")
    assert (code, output.splitlines()[0]) == (0, f"5 clips in {tmp_path}/batch.csv")
    assert len(rounds_of(tmp_path / "store")) == 1
