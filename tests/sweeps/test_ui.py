"""`after-ray ui`: the right database and artifacts, whatever the working directory, or one sentence."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from after_ray.store import Store
from sweeps import ui
from sweeps.tracking import Mirror, default_tracking_uri
from sweeps.tracking.sample import sample_study


def test_a_store_without_a_database_is_refused_with_what_to_do(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(ui.NothingToShow, match=r"no mlflow\.db to show; run a study"):
        ui.serve(store, default_tracking_uri(store))


def test_a_server_is_not_served_again(tmp_path):
    with pytest.raises(ui.NoPagesOfOurs, match="open it in a browser"):
        ui.serve(Store(tmp_path), "http://mlflow.example:5000")


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
        with pytest.raises(ui.PortTaken, match=f"127.0.0.1:{port}"):
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
