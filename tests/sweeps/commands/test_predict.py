"""`after-ray predict`: a table that others read, a sentence per bad file, an exit code that tells."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from after_ray.audio.decode import decode
from after_ray.classifiers._settings import ClassifierSettings
from after_ray.models import Model
from sweeps.cli import app
from tests.after_ray.classifiers.own_page import write_files
from tests.after_ray.models.folders import CLASSES, functionals_folder, light_sernet_folder, waves
from tests.after_ray.prediction.heard import write
from tests.own_modules import load_anew

ODD_NAMES = ("a,b.wav", "two\nlines.wav", "=cmd|x.wav", "caf\xe9.wav")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return functionals_folder(tmp_path_factory.mktemp("models") / "functionals")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four recordings, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    for place, wave in enumerate(waves(4)):
        write(tmp_path / "clips" / f"{place}.wav", np.rint(wave * 32768).astype(np.int16))
    return tmp_path


def predicted(*words: str | Path, code: int = 0) -> tuple[str, list[str]]:
    """What is printed, and the lines on stderr."""
    done = CliRunner().invoke(app, ["predict", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr.splitlines()


def test_the_table_has_what_the_model_says(model: Path, here: Path) -> None:
    out, told = predicted(model, "clips")
    rows = list(csv.DictReader(out.splitlines()))
    assert list(rows[0]) == ["file", "start", "end", "label", *(f"p_{name}" for name in CLASSES)]
    sounds = [decode(Path(row["file"])).mono() for row in rows]
    expected = np.exp(Model.load(model).log_probabilities(sounds))
    found = np.array([[float(row[f"p_{name}"]) for name in CLASSES] for row in rows])
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert [row["label"] for row in rows] == [CLASSES[place] for place in expected.argmax(axis=1)]
    assert [row["start"] for row in rows] == ["0.0"] * 4
    assert [float(row["end"]) for row in rows] == [round(len(one) / 16_000, 4) for one in sounds]
    assert told == ["4 recordings, 4 rows"]


def test_json_lines_say_the_same(model: Path, here: Path) -> None:
    table, _ = predicted(model, "clips")
    lines, _ = predicted(model, "clips", "--json-lines", "--batch", "1", "--workers", "1")
    for row, line in zip(
        csv.DictReader(table.splitlines()), map(json.loads, lines.splitlines()), strict=True
    ):
        assert (line["file"], line["label"], str(line["end"])) == (row["file"], row["label"], row["end"])
        assert list(line["probabilities"]) == list(CLASSES)
        assert line["probabilities"][row["label"]] == pytest.approx(float(row[f"p_{row['label']}"]))


def test_names_come_back_and_no_spreadsheet_computes_them(model: Path, here: Path) -> None:
    sound = (here / "clips" / "0.wav").read_bytes()
    for name in ODD_NAMES:
        Path(name).write_bytes(sound)
    broken = os.fsdecode(b"caf\xe9 2.wav")
    Path(broken).write_bytes(sound)
    predicted(model, *ODD_NAMES, broken, "--out", "table.csv")
    with open("table.csv", newline="", encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    assert names == ["a,b.wav", "./two\nlines.wav", "./=cmd|x.wav", "caf\xe9.wav", r"caf\xe9 2.wav"]
    assert all(Path(name).is_file() for name in names[:4])
    lines, _ = predicted(model, broken, "--json-lines")
    assert Path(json.loads(lines)["file"]).is_file()


def test_bad_files_are_told_and_the_others_written(model: Path, here: Path) -> None:
    Path("empty.wav").touch()
    Path("none").mkdir()
    out, told = predicted(
        model, "empty.wav", "clips/0.wav", "gone.wav", "none", "./clips/0.wav", "--out", "t.csv", code=1
    )
    assert out == ""
    assert [row["file"] for row in csv.DictReader(Path("t.csv").read_text().splitlines())] == ["clips/0.wav"]
    assert [line.partition(":")[0] for line in told[1:4]] == ["error"] * 3
    assert {line.split()[1] for line in told[1:4]} == {"empty.wav", "gone.wav", "none"}
    assert told[0] == "1 file named again, and not taken twice"
    assert told[4] == "1 recording, 1 row; 3 files could not be used"


def test_a_long_recording_comes_in_windows(model: Path, here: Path) -> None:
    sound = np.rint(np.concatenate(waves(8)) * 32768).astype(np.int16)
    write(here / "long.wav", sound)
    seconds = len(sound) / 16_000
    assert seconds > 12
    out, _ = predicted(model, "long.wav")
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["start"] for row in rows] == ["0.0", str(round(seconds - 10, 4))]
    out, _ = predicted(model, "long.wav", "--window", "2", "--hop", "0.5")
    assert [row["start"] for row in csv.DictReader(out.splitlines())][:3] == ["0.0", "0.5", "1.0"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hop", "60"], "would leave out"),
        (["--device", "tpu"], "cpu, cuda"),
        (["--out", "clips"], "the name of a file"),
        (["--out", "./clips/../clips/1.wav"], "none of the recordings"),
        (["--window", "0"], "Bad window: 0.0; allowed: at least 0.025 seconds."),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(model: Path, here: Path, words: list[str], said: str) -> None:
    out, told = predicted(model, "clips", *words, code=1)
    assert out == ""
    assert len(told) == 1
    assert said in told[0]


def test_what_a_folder_has_and_the_table_has_not_is_told(model: Path, here: Path) -> None:
    (here / "clips" / "voice.m4a").touch()
    (here / "clips" / "film.mp4").touch()
    (here / "clips" / "more").symlink_to(here)
    _, told = predicted(model, "clips")
    assert told == [
        "1 linked folder not looked into; name what a link leads to as well (such as clips/more)",
        f"2 files in a format that is not read; convert to wav or FLAC (such as {told[1].split()[-1]}",
        "4 recordings, 4 rows",
    ]


@pytest.mark.parametrize("place", ["after_ray.json", "new/table.csv"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_table_never_replaces_a_part_of_the_model(
    model: Path, here: Path, place: str, linked: bool
) -> None:
    before = {path: path.read_bytes() for path in model.iterdir()}
    if linked:
        Path("link").symlink_to(model)
    out = Path("link" if linked else model) / place
    _, (sentence,) = predicted(model, "clips", "--out", out, code=1)
    assert "allowed: a file outside of the model's folder" in sentence
    assert {path: path.read_bytes() for path in model.iterdir()} == before


def test_a_reader_that_has_enough_ends_the_command_without_a_word(model: Path, here: Path) -> None:
    words = ["predict", str(model), "clips", "--window", "0.1", "--hop", "0.05"]  # more than a buffer holds
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sweeps.cli", *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_window_is_never_longer_than_what_is_heard(here: Path) -> None:
    light = light_sernet_folder(here / "light")
    _, (sentence,) = predicted(light, "clips", "--window", "3.5", code=1)
    assert "up to 3 seconds" in sentence
    out, _ = predicted(light, "clips")  # recordings as long as clips stay whole, as in the study
    assert len(out.splitlines()) == 5


def test_a_folder_with_a_pickle_is_refused(model: Path, here: Path) -> None:
    import shutil

    shutil.copytree(model, "bad")
    Path("bad/extra.bin").write_bytes(b"\x80\x04.")
    out, (sentence,) = predicted("bad", "clips", code=1)
    assert out == ""
    assert "pickle" in sentence


def test_a_class_of_somebodys_own_is_imported_for_whoever_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder one starts in is where Python looks, and the model lies beside what it names."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, monkeypatch)
    write(tmp_path / "a.wav", np.rint(waves(1)[0] * 32768).astype(np.int16))
    settings = TypeAdapter(ClassifierSettings).validate_python({"name": "mine:Nearest", "k": 1})
    functionals_folder(tmp_path / "model", settings)
    load_anew(monkeypatch, "mine")
    _, told = predicted("model", "a.wav", code=1)
    assert "--own-classifier mine:Nearest" in " ".join(told)
    assert "mine" not in sys.modules
    _, told = predicted("model", "a.wav", "--own-classifier", "mine:Nearest")
    assert told == ["1 recording, 1 row"]
