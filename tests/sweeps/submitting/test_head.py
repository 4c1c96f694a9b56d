"""Submitting to what really answers: a head with a dashboard, and servers that are none."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import ray

from after_ray.errors import AfterRayError
from sweeps.submitting.errors import JobRefused, NoJobs, OtherRay
from sweeps.submitting.following import connect

REPOSITORY = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
STUDY = """\
study: far
corpus: {name: synthetic, speakers: 6, sentences: 4}
classifier: functionals
schedule: [20, 40]
fold: 0..2
seed: 0..3
protocol: {preset: paper, folds: {count: 3}}
"""


@contextmanager
def answering(status: int, body: object) -> Iterator[str]:
    """A server that gives one answer to everything; its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: object) -> None:
            """Nothing: what it is asked is no news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (401, "no token", JobRefused, "refused the token; set RAY_AUTH_MODE=token"),
        (403, "another token", JobRefused, "refused the token; set RAY_AUTH_MODE=token"),
        (404, "nothing here", NoJobs, "no Ray dashboard with jobs"),
        (200, "<html>", NoJobs, "no Ray dashboard with jobs"),
        (200, {"ray_version": "2.50.0"}, OtherRay, f"runs Ray 2.50.0, here is {ray.__version__}"),
    ],
)
def test_what_answers_and_takes_no_job_of_ours_is_one_sentence(
    status: int, body: object, error: type[AfterRayError], words: str
) -> None:
    with answering(status, body) as address, pytest.raises(error, match=words):
        connect(address)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def head(tmp_path: Path) -> Iterator[str]:
    """A head of this test's own, whose store is a folder of the test; the address of its dashboard."""
    port, jobs, agent, client = _free_ports(4)
    scratch = Path("/tmp") / f"after-ray-head-{os.getpid()}"  # paths of sockets must be short
    command = [str(BIN / "ray"), "start", "--head", "--block", "--num-cpus=1", f"--temp-dir={scratch}"]
    command += [f"--port={port}", f"--dashboard-port={jobs}", f"--dashboard-agent-listen-port={agent}"]
    command += [f"--ray-client-server-port={client}", "--object-store-memory=100000000"]
    log = (tmp_path / "head.log").open("wb")
    process = subprocess.Popen(
        command,
        env=environment() | {"AFTER_RAY_STORE": str(tmp_path / "store")},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{jobs}"
    try:
        end = time.monotonic() + 60
        while not answers(address):
            assert time.monotonic() < end, (tmp_path / "head.log").read_text()
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()  # which ends all of it, and only it
        process.wait(30)
        log.close()
        subprocess.run(["rm", "-rf", str(scratch)], check=True)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api/version", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return kept | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def begin(study: Path, address: str, *options: str) -> subprocess.Popen[str]:
    command = [str(BIN / "after-ray"), "run", study.name, "--address", address, *options]
    return subprocess.Popen(
        command,
        cwd=study.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # As in a terminal, also where tests run in the background, which ignores Ctrl-C and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.ray
@pytest.mark.timeout(200)
def test_a_laptop_submits_leaves_and_follows_again(head: str, tmp_path: Path) -> None:
    study = tmp_path / "far.yaml"
    study.write_text(STUDY)
    first = begin(study, head)
    assert first.stdout is not None
    seen = ""
    while "Ctrl-C leaves it running" not in seen:
        line = first.stdout.readline()
        assert line, seen
        seen += line
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 130, seen + said
    assert "the job goes on" in said
    assert "stopped" not in said

    followed, _ = (again := begin(study, head)).communicate(timeout=150)
    assert again.returncode == 0, followed
    assert "already, and is followed" in followed
    assert "0 failed" in followed
    assert (tmp_path / "store/reports/far/index.html").exists()

    refused, _ = (wrong := begin(study, head, "--set", "schedule=x")).communicate(timeout=60)
    assert wrong.returncode == 1
    assert "'schedule=x'" in refused
