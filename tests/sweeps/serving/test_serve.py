"""`after-ray serve` as a process of its own, registered through an MLflow server, asked over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import Store
from sweeps.serving.registering import Registry
from tests.after_ray.models.folders import CLASSES, functionals_folder
from tests.sweeps.serving.asking import asked, recording
from tests.sweeps.tracking.server import Server, wait_until

pytestmark = pytest.mark.services


@contextmanager
def served(model: str, tracker: str, folder: Path) -> Iterator[str]:
    """The address of a server, once it says that it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["serve", model, "--tracking-uri", tracker, "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sweeps.cli", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"models:/voices/1 of {tracker}: "), line
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def answer(address: str, body: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address.replace("invocations", "ping"), timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_a_model_is_registered_through_a_server_and_served_after_its_folder_is_gone(tmp_path: Path) -> None:
    model = functionals_folder(tmp_path / "model")
    server = Server(tmp_path)
    server.start()
    try:
        uri = Registry.of(Store(tmp_path / "store"), server.uri).register(model, "voices")
        shutil.rmtree(model)
        with served(uri, server.uri, tmp_path) as address:
            wait_until(lambda: answers(address), 30)
            status, said = answer(address, json.dumps(asked({"audio": recording(1)})).encode())
            assert status == 200, said
            (one,) = said["predictions"]
            assert one["label"] in CLASSES
            assert sum(one["probabilities"].values()) == pytest.approx(1)
            status, said = answer(address, json.dumps(asked({"audio": str(tmp_path)})).encode())
            assert status == 400
            assert "Names of files are not opened" in said["message"]
    finally:
        server.kill()
    assert not {path.name for path in tmp_path.iterdir()} & {"store", "mlruns", "mlartifacts"}
