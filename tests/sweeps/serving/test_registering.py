"""Registered models have their folder with them, bring no code, and answer as the folder does."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient
from typer.testing import CliRunner

from after_ray.classifiers._settings import ClassifierSettings
from after_ray.errors import AfterRayError, UnfitModel
from after_ray.models import Model
from after_ray.store import Store
from sweeps.cli import app
from sweeps.serving.application import application
from sweeps.serving.registering import CODE, EXPERIMENT, Registry, UnfitEntry
from tests.after_ray.classifiers.own_page import write_files
from tests.after_ray.models.folders import CLASSES, functionals_folder, light_sernet_folder, waves
from tests.sweeps.serving.asking import asked, recording
from tests.sweeps.tracking.server import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry.of(Store(tmp_path_factory.mktemp("registry")), None)


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return functionals_folder(tmp_path / "functionals")


def test_a_registered_model_answers_as_its_folder_did_when_the_folder_is_gone(
    registry: Registry, folder: Path
) -> None:
    expected = np.exp(Model.load(folder).log_probabilities(waves(3)))
    uri = registry.register(folder, "gone")
    assert registry.register(folder, "gone") == uri  # the same folder is the same version
    shutil.rmtree(folder)
    client = TestClient(application(registry.folder_of(uri), "cpu", "127.0.0.1"), base_url="http://localhost")
    answer = client.post("/invocations", json=asked(*({"audio": recording(place)} for place in range(3))))
    assert answer.status_code == 200, answer.text
    said = answer.json()["predictions"]
    found = [[one["probabilities"][name] for name in CLASSES] for one in said]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert [one["input"] for one in said] == [0, 1, 2]
    assert [one["label"] for one in said] == [CLASSES[place] for place in expected.argmax(axis=1)]
    windowed = client.post("/invocations", json=asked({"audio": recording(0)}, window=0.5, hop=0.05)).json()
    assert [one["start"] for one in windowed["predictions"]][:3] == [0.0, 0.05, 0.1]
    for body in (
        asked({"audio": "/etc/passwd"}),
        asked({"audio": recording(0)}, window=-1),
        asked({"samples": "abc", "sampling_rate": 16_000}),
        asked({"file": "a.wav"}),
        asked({"audio": recording(0)}, windw=1),
        asked({"audio": recording(0)}, window=0),
        asked({"audio": recording(0)}) | {"parms": {"window": 1}},
        asked({"audio": recording(0), "rate": 8000}),
        {"inputs": {"audio": ["a", "b"]}},
        {"messages": [{"role": "user", "content": "hello"}]},
        {},
    ):
        refused = client.post("/invocations", json=body)
        assert refused.status_code == 400, body
        assert list(refused.json()) == ["message"]
        assert "\n" not in refused.json()["message"]
        assert "mlflow" not in refused.json()["message"].lower()


def test_nothing_in_an_entry_is_a_pickle_and_its_code_is_ours(registry: Registry, folder: Path) -> None:
    kept = registry.folder_of(registry.register(folder, "kept"))
    files = {path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()}
    assert {"MLmodel", "registered_code.py", "artifacts/functionals/after_ray.json"} <= files
    assert not [name for name in files if name.endswith((".pkl", ".bin", ".pt"))]
    assert (kept / "registered_code.py").read_bytes() == CODE.read_bytes()
    (experiment,) = registry.client.search_experiments(filter_string=f"name = '{EXPERIMENT}'")
    assert experiment.artifact_location == registry.artifacts


def test_another_folder_is_another_version(registry: Registry, folder: Path, tmp_path: Path) -> None:
    first = registry.register(folder, "two")
    second = registry.register(light_sernet_folder(tmp_path / "light"), "two")
    assert (first, second) == ("models:/two/1", "models:/two/2")
    assert registry.register(folder, "two") == first


def test_a_folder_with_a_pickle_is_not_registered(registry: Registry, folder: Path) -> None:
    (folder / "notes.txt").write_bytes(b"\x80\x04\x95...")
    with pytest.raises(UnfitModel, match=r"notes\.txt is a pickle"):
        registry.register(folder, "pickled")
    assert not registry.client.search_model_versions("name = 'pickled'")


def _other_code(kept: Path) -> None:
    (kept / "registered_code.py").write_text("raise SystemExit('ran')\n")


def _pickled(kept: Path) -> None:
    (kept / "python_model.pkl").write_bytes(b"\x80\x04.")


def _with_modules(kept: Path) -> None:
    _change(kept, "code: null", "code: code")


def _other_loader(kept: Path) -> None:
    _change(kept, "loader_module: mlflow.pyfunc.loaders.code_model", "loader_module: mlflow.pyfunc.model")


def _outside(kept: Path) -> None:
    _change(kept, "path: artifacts/functionals", "path: ../../../..")


def _change(kept: Path, before: str, after: str) -> None:
    text = (kept / "MLmodel").read_text()
    assert before in text
    (kept / "MLmodel").write_text(text.replace(before, after))


@pytest.mark.parametrize("tamper", [_other_code, _pickled, _with_modules, _other_loader, _outside])
def test_an_entry_that_would_run_something_else_is_refused(
    registry: Registry, folder: Path, tamper: Any
) -> None:
    uri = registry.register(folder, f"tampered{tamper.__name__}")
    tamper(registry.folder_of(uri))
    with pytest.raises(UnfitEntry, match="other code"):
        registry.folder_of(uri)
    assert registry.register(folder, f"tampered{tamper.__name__}") == uri.replace("/1", "/2")


def test_a_version_that_is_not_there_and_a_name_that_is_not_taken(registry: Registry, folder: Path) -> None:
    with pytest.raises(UnfitEntry, match="not found"):
        registry.folder_of("models:/nobody/3")
    with pytest.raises(AfterRayError, match="choose another --name"):
        registry.register(folder, "a/b")


def test_a_class_of_somebodys_own_is_imported_for_whoever_serves_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an entry says of it counts for nothing."""
    (tmp_path / "code").mkdir()
    write_files(tmp_path / "code", monkeypatch)
    settings = TypeAdapter(ClassifierSettings).validate_python({"name": "mine:Nearest", "k": 1})
    folder = functionals_folder(tmp_path / "model", settings)
    with pytest.raises(UnfitModel, match="--own-classifier mine:Nearest"):
        registry.register(folder, "own")
    trusting = replace(registry, own_classifier="mine:Nearest")
    uri = trusting.register(folder, "own")
    kept = trusting.folder_of(uri)
    _change(kept, "own_classifier: ''", "own_classifier: mine:Nearest")
    with pytest.raises(UnfitModel, match="--own-classifier mine:Nearest"):
        registry.folder_of(uri)
    with pytest.raises(UnfitModel, match="--own-classifier mine:Nearest"):
        application(kept, "cpu", "127.0.0.1")
    served = application(kept, "cpu", "127.0.0.1", own_classifier="mine:Nearest")
    answer = TestClient(served, base_url="http://localhost").post(
        "/invocations", json=asked({"audio": recording()})
    )
    assert answer.status_code == 200, answer.text


def test_serve_hands_on_what_its_user_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    """From the command line to the server, which would be started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sweeps.commands.serve.refuse_no_store", lambda *_: None, raising=False)
    started: list[Any] = []
    monkeypatch.setattr("uvicorn.run", lambda served, **_: started.append(served))
    write_files(tmp_path, monkeypatch)
    settings = TypeAdapter(ClassifierSettings).validate_python({"name": "mine:Nearest", "k": 1})
    words = ["serve", str(functionals_folder(tmp_path / "model", settings)), "--port", str(unused_port)]
    refused = CliRunner().invoke(app, words)
    assert (refused.exit_code, started) == (1, [])
    assert "--own-classifier mine:Nearest" in " ".join(refused.output.split())
    done = CliRunner().invoke(app, [*words, "--own-classifier", "mine:Nearest"])
    assert done.exit_code == 0, done.output
    client = TestClient(started[0], base_url="http://localhost")
    answer = client.post("/invocations", json=asked({"audio": recording()}))
    assert answer.status_code == 200, answer.text


def test_a_mistyped_store_is_not_made(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["serve", str(folder), "--store", "nowhere"])
    assert done.exit_code == 1
    assert "There is no store at nowhere" in done.output
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == '["functionals"]'


@pytest.fixture
def uvicorn_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Statuses and bodies of a request at what would be served."""
    import uvicorn

    answers: list[Any] = []

    def run(served: Any, **named: Any) -> None:
        answer = TestClient(served, base_url="http://localhost").post(
            "/invocations", json=asked({"audio": recording(1)})
        )
        answers.append((answer.status_code, answer.json()))

    monkeypatch.setattr(uvicorn, "run", run)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow leaves it of the other tests
    before = signal.getsignal(signal.SIGTERM)
    yield answers
    signal.signal(signal.SIGTERM, before)


def listens(port: str) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
        return True
    return False


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_a_folder_is_served_where_no_store_is(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uvicorn_runs: list[Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    port = free_port()
    done = CliRunner().invoke(app, ["serve", "functionals", "--port", port])
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        f"functionals, in no registry: http://127.0.0.1:{port}/invocations (stop with Ctrl-C)\n"
    )
    ((status, said),) = uvicorn_runs
    assert status == 200, said
    expected = np.exp(Model.load(folder).log_probabilities(waves(2)[1:]))[0]
    assert list(said["predictions"][0]["probabilities"].values()) == pytest.approx(expected.tolist())
    assert [path.name for path in tmp_path.iterdir()] == ["functionals"]
    for words in (["models:/voices/1"], ["functionals", "--name", "voices"]):
        done = CliRunner().invoke(app, ["serve", *words])
        assert done.exit_code == 1
        assert "There is no store at store" in done.output


def test_nothing_is_left_of_a_folder_that_was_served(folder: Path, tmp_path: Path) -> None:
    for name in ("temporary", "here"):
        (tmp_path / name).mkdir()
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "TMPDIR": str(tmp_path / "temporary"),
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sweeps.cli", "serve", str(folder), "--port", port],
        cwd=tmp_path / "here",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "in no registry" in process.stdout.readline()
        wait_until(lambda: listens(port), 30)
        kept = list((tmp_path / "temporary").glob("after-ray-*"))
        assert len(kept) == 1
        process.terminate()
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert not kept[0].exists()
    assert not any((tmp_path / "here").iterdir())
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in said


def test_a_folder_with_a_pickle_is_served_by_nobody(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uvicorn_runs: list[Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "notes.txt").write_bytes(b"\x80\x04\x95...")
    done = CliRunner().invoke(app, ["serve", "functionals", "--port", free_port()])
    assert done.exit_code == 1
    assert "notes.txt is a pickle" in done.output
    assert uvicorn_runs == []


def test_an_answer_that_takes_too_long_is_one_sentence(registry: Registry, folder: Path) -> None:
    entry = registry.folder_of(registry.register(folder, "hasty"))
    client = TestClient(application(entry, "cpu", "127.0.0.1", 1e-6), base_url="http://localhost")
    answer = client.post("/invocations", json=asked({"audio": recording(0)}))
    assert answer.status_code == 503
    assert answer.json()["message"].startswith("The request was not done within 1e-06 s")
