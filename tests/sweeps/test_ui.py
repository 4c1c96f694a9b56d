"""`after-ray ui`: the right database and artifacts, whatever the working directory, or one sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from typer.testing import CliRunner

from after_ray.store import Store
from sweeps import ui
from sweeps.cli import app
from sweeps.listening import PortTaken
from sweeps.tracking import Mirror, default_tracking_uri
from sweeps.tracking.sample import sample_study


def test_a_store_without_a_database_is_refused_with_what_to_do(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(ui.NothingToShow, match=r"no mlflow\.db to show; run a study"):
        ui.serve(store, default_tracking_uri(store))


def test_a_server_is_not_served_again(tmp_path):
    with pytest.raises(ui.NoPagesOfOurs, match="open it in a browser"):
        ui.serve(Store(tmp_path), "http://mlflow.example:5000")


@pytest.mark.parametrize(
    "command", [["ui"], ["run", "none.yaml"], ["mirror", "none.yaml"], ["retry", "none.yaml"]]
)
@pytest.mark.parametrize("given", ["option", "environment"])
def test_what_is_no_tracking_uri_is_one_sentence_before_anything_runs(command, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--tracking-uri", "bogus"] if given == "option" else []
    environment = {"MLFLOW_TRACKING_URI": "bogus"} if given == "environment" else {}
    done = CliRunner().invoke(app, [*command, "--store", "store", *words], env=environment)
    assert done.exit_code == 1
    (sentence,) = done.output.splitlines()
    assert sentence.startswith("error: 'bogus' is no tracking URI; allowed: http://HOST:PORT")
    assert list(tmp_path.iterdir()) == []


def test_pages_on_a_database_that_is_not_there_are_one_sentence_and_make_none(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("a server was started"))
    uri = f"sqlite:///{tmp_path}/nodir/x.db"
    done = CliRunner().invoke(app, ["ui", "--store", str(tmp_path), "--tracking-uri", uri])
    assert done.exit_code == 1
    assert f"there is no file {tmp_path}/nodir/x.db" in done.output
    assert list(tmp_path.iterdir()) == []


def test_database_and_artifacts_of_the_store_are_named_in_full(tmp_path):
    (tmp_path / "mlflow.db").touch()
    store = Store(tmp_path)
    command = ui.server_command(store, default_tracking_uri(store), "127.0.0.1", 5001)
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert options["--backend-store-uri"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert (
        options["--default-artifact-root"]
        == options["--artifacts-destination"]
        == f"file://{tmp_path}/mlartifacts"
    )
    assert (options["--host"], options["--port"]) == ("127.0.0.1", "5001")


@pytest.mark.slow
def test_the_pages_of_a_mirrored_study_are_served_and_a_taken_port_is_named(tmp_path):
    store = Store(tmp_path / "store")
    mirror = Mirror(default_tracking_uri(store), store)
    mirror.open_study(sample_study(0))
    mirror.close_study()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port}"):
            ui.serve(store, default_tracking_uri(store), port=port)
    program = (
        "import sys; from after_ray.store import Store; from sweeps.ui import serve;"
        "serve(Store(sys.argv[1]), sys.argv[2], port=int(sys.argv[3]))"
    )
    command = [sys.executable, "-c", program, str(store.root), default_tracking_uri(store), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            assert f"http://127.0.0.1:{port}" in server.stdout.readline()
            assert "learning curves of sample" in server.stdout.readline()
            assert _answer(f"http://127.0.0.1:{port}/health") == b"OK"
        finally:
            server.terminate()


def _answer(url: str, seconds: float = 90) -> bytes:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.read()
        except OSError:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.3)
