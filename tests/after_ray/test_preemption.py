"""Notices of a node's end, as providers give them and as their servers fail, against fake ones."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.client import BadStatusLine, IncompleteRead
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError

import pytest

from after_ray.preemption import NOTICE, Notice, UnknownProvider, _metadata, provider_of
from after_ray.preemption.aws import AwsNotices
from after_ray.preemption.file import FileNotices
from after_ray.preemption.gce import GceNotices
from after_ray.preemption.watcher import Provider, Watcher

REPOSITORY = Path(__file__).parents[2]
ACTION = "/latest/meta-data/spot/instance-action"
TOKEN = "/latest/api/token"
INSTANCE = "/computeMetadata/v1/instance"


@dataclass
class Metadata:
    """What the server answers by path, and what it was asked."""

    base: str = ""
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: int = 0  # handed out; only the newest is taken
    hangs: threading.Event | None = None

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        """Status and text."""
        self.asked.append((method, path))
        if self.hangs is not None:
            self.hangs.wait(30)
        if path in self.answers:
            found = self.answers[path]
        elif (method, path) == ("PUT", TOKEN) and "x-aws-ec2-metadata-token-ttl-seconds" in headers:
            self.tokens += 1
            return 200, f"token {self.tokens}"
        else:
            found = 404, ""
        if path.startswith(INSTANCE) and headers.get("metadata-flavor") != "Google":
            return 403, "no flavor"
        if path == ACTION and headers.get("x-aws-ec2-metadata-token") != f"token {self.tokens}":
            return 401, "no token"
        return found


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    told = Metadata()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, text = told.answer(self.command, self.path, headers)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = _answer

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    told.base = f"http://127.0.0.1:{server.server_address[1]}"
    yield told
    if told.hangs is not None:
        told.hangs.set()
    server.shutdown()
    server.server_close()


def test_aws_gives_notice_when_an_action_is_planned(metadata: Metadata) -> None:
    notices = AwsNotices(metadata.base)
    assert not notices.given(), "404 is no notice"
    metadata.answers[ACTION] = (200, '{"action": "terminate", "time": "2026-01-01T00:00:00Z"}')
    assert notices.given()
    assert [asked for asked in metadata.asked if asked[0] == "PUT"] == [("PUT", TOKEN)], "one token for both"


def test_aws_asks_for_a_new_token_when_its_own_is_over(metadata: Metadata) -> None:
    notices = AwsNotices(metadata.base)
    assert not notices.given()
    metadata.tokens += 1  # the old one is taken no more
    metadata.answers[ACTION] = (200, "{}")
    assert notices.given()
    assert metadata.asked.count(("PUT", TOKEN)) == 2


def test_a_proxy_is_never_asked(metadata: Metadata) -> None:
    """In a process of its own: which proxies there are is read once per process, by whoever asks first."""
    metadata.answers[f"{INSTANCE}/preempted"] = (200, "TRUE")
    unproxied = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    proxied = unproxied | {"http_proxy": "http://127.0.0.1:9", "PYTHONPATH": str(REPOSITORY)}
    script = f"from after_ray.preemption.gce import GceNotices; print(GceNotices({metadata.base!r}).given())"
    asked = subprocess.run([sys.executable, "-c", script], env=proxied, capture_output=True, text=True)
    assert asked.stdout == "True\n", asked.stderr


@pytest.mark.parametrize(
    ("preempted", "maintenance", "given"),
    [
        ("FALSE", "NONE", False),
        ("TRUE", "NONE", True),
        ("FALSE", "MIGRATE_ON_HOST_MAINTENANCE", False),
        ("FALSE", "TERMINATE_ON_HOST_MAINTENANCE", True),
    ],
)
def test_google_gives_notice(metadata: Metadata, preempted: str, maintenance: str, given: bool) -> None:
    metadata.answers[f"{INSTANCE}/preempted"] = (200, preempted)
    metadata.answers[f"{INSTANCE}/maintenance-event"] = (200, maintenance)
    assert GceNotices(metadata.base).given() == given


def test_a_file_is_a_notice_once_it_is_there(tmp_path: Path) -> None:
    notices = FileNotices(tmp_path / "ends")
    assert not notices.given()
    (tmp_path / "ends").touch()
    assert notices.given()


def test_who_is_asked_is_named_by_the_environment(tmp_path: Path) -> None:
    assert provider_of({}) is provider_of({"AFTER_RAY_SPOT": ""}) is None
    found = [provider_of({"AFTER_RAY_SPOT": value}) for value in ("aws", "gce", f"file:{tmp_path}")]
    assert [type(one) for one in found] == [AwsNotices, GceNotices, FileNotices]


@pytest.mark.parametrize("value", ["azure", "AWS", "file:", "file", "file:notice"])
def test_an_unknown_provider_is_one_sentence(value: str) -> None:
    with pytest.raises(UnknownProvider, match=rf"is '{value}'.*allowed: aws, gce, file:PATH"):
        provider_of({"AFTER_RAY_SPOT": value})


class Breaking:
    """A provider that fails once, then says that the node ends."""

    seconds = 1.0

    def __init__(self, error: BaseException, ahead: float | None = None) -> None:
        self.ahead, self._errors = ahead, [error]

    def given(self) -> bool:
        """Whether it has failed before."""
        if self._errors:
            raise self._errors.pop()
        return True


@pytest.mark.parametrize(
    "error",
    [
        OSError("refused"),
        HTTPError("http://here", 500, "broken", Message(), None),
        BadStatusLine("no HTTP"),
        IncompleteRead(b""),
        ValueError("a port that is none"),
        RuntimeError("another bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_goes_wrong_the_provider_is_asked_again(error: Exception) -> None:
    notice, slept = Notice(), list[float]()
    Watcher(Breaking(error), notice, slept.append).watch()
    assert notice.of_node
    assert slept == [Breaking.seconds]


@pytest.mark.parametrize("ends", [SystemExit, KeyboardInterrupt])
def test_what_ends_a_process_is_no_failure_of_the_provider(ends: type[BaseException]) -> None:
    notice = Notice()
    with pytest.raises(ends):
        Watcher(Breaking(ends()), notice, list[float]().append).watch()
    assert not notice.given


def test_a_server_that_speaks_no_http_is_no_notice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            talking, _ = listening.accept()
            with talking:
                talking.recv(1 << 16)
                talking.sendall(b"220 mail\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(BadStatusLine):
            GceNotices(f"http://127.0.0.1:{listening.getsockname()[1]}").given()


@pytest.mark.parametrize(
    ("notices", "ends"),
    [(AwsNotices(), 1120.0), (GceNotices(), 1030.0), (FileNotices(Path("/ends")), None)],
    ids=["aws", "gce", "file"],
)
def test_a_notice_says_when_the_node_ends_as_far_as_its_provider_tells(
    notices: Provider, ends: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "given", lambda: True)
    notice = Notice()
    Watcher(notices, notice, clock=lambda: 1000.0).watch()
    assert (notice.given, notice.of_node, notice.ends) == (True, True, ends)
    notice.withdraw()
    assert (notice.given, notice.of_node, notice.ends) == (False, False, None)


def looks(metadata: Metadata, mend_after: int) -> tuple[Notice, list[float]]:
    """A watcher of the fake service, which plans an action and is whole from so many looks on."""
    notice, slept = Notice(), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == mend_after:
            if metadata.hangs is not None:
                metadata.hangs.set()
            metadata.answers = {ACTION: (200, "{}")}

    Watcher(AwsNotices(metadata.base), notice, sleep).start().join(30)
    return notice, slept


@pytest.mark.parametrize("answer", [(500, "broken"), (503, ""), (403, "forbidden")])
def test_a_server_that_fails_is_asked_again_and_told_of_once(
    metadata: Metadata, answer: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    metadata.answers = {ACTION: answer, TOKEN: answer}
    with caplog.at_level(logging.WARNING):
        notice, slept = looks(metadata, mend_after=3)
    assert (notice.given, notice.of_node) == (True, True)
    assert slept == [AwsNotices.seconds] * 3
    assert sum("cannot be asked" in told for told in caplog.messages) == 1
    assert NOTICE.given is False, "it was another's notice"


def test_a_server_that_hangs_is_given_up_and_asked_again(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_metadata, "SECONDS", 0.05)
    metadata.hangs = threading.Event()
    with caplog.at_level(logging.WARNING):
        notice, slept = looks(metadata, mend_after=2)
    assert notice.of_node
    assert len(slept) == 2
    assert sum("cannot be asked" in told for told in caplog.messages) == 1


def test_nobody_listens_there_is_no_notice(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(OSError, match="refused"):
        AwsNotices("http://127.0.0.1:9").given()


def test_an_error_of_the_server_is_no_notice(metadata: Metadata) -> None:
    metadata.answers[f"{INSTANCE}/preempted"] = (500, "TRUE")
    with pytest.raises(HTTPError):
        GceNotices(metadata.base).given()
