"""A tracker that answers and refuses: one sentence says who asked, what is not allowed, what to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from after_ray.store import Store
from sweeps.tracking import default_tracking_uri, fill
from sweeps.tracking._artifacts import Artifacts
from sweeps.tracking._connection import connect_to_read
from sweeps.tracking._refusals import FilesNotTaken, refused
from sweeps.tracking.addresses import refuse_unknown
from sweeps.tracking.errors import (
    AccessRefused,
    FilesRefused,
    SignInElsewhere,
    TrackerRefused,
    TrackerUnreachable,
)
from sweeps.tracking.sample import sample_study

ROOT = "mlflow-artifacts:/1/run/artifacts"


@contextmanager
def answering(answers: dict[str, tuple[int, str]]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives the answer of the first part that a path contains; its URI and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, text = next((told for part, told in answers.items() if part in self.path), (200, "{}"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _signed_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bob")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")


def test_a_server_with_sign_in_says_which_variables_are_missing() -> None:
    with (
        answering({"/experiments/search": (401, "You are not authenticated.")}) as (uri, _),
        pytest.raises(
            AccessRefused, match=r"refuses access \(it asks who you are\): set MLFLOW_TRACKING_USER"
        ),
    ):
        connect_to_read(uri)


def test_a_wrong_password_names_the_user_and_never_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(monkeypatch)
    with (
        answering({"/experiments/search": (401, "You are not authenticated.")}) as (uri, _),
        pytest.raises(AccessRefused, match=r"knows no user 'bob' with that password\): correct") as caught,
    ):
        connect_to_read(uri)
    assert "secret" not in str(caught.value)


def test_a_study_of_somebody_else_is_named_when_it_is_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(monkeypatch)
    with (
        answering({"/experiments/get-by-name": (403, "Permission denied")}) as (uri, _),
        pytest.raises(AccessRefused, match=r"'bob' may not do that.*permission EDIT.*fills it in afterwards"),
    ):
        fill(uri, Store(tmp_path), sample_study(0), [])


def test_a_name_that_the_server_does_not_take_is_no_matter_of_permissions() -> None:
    with (
        answering({"/experiments": (403, "Invalid Host header - possible attack")}) as (uri, _),
        pytest.raises(AccessRefused, match="MLFLOW_SERVER_ALLOWED_HOSTS"),
    ):
        connect_to_read(uri)


def failed(text: str) -> FilesNotTaken:
    error = FilesNotTaken(text)
    error.__cause__ = RuntimeError(text)
    return error


def test_files_that_a_living_server_does_not_take_are_told_from_a_server_that_is_gone() -> None:
    with answering({}) as (uri, _):
        told = refused(failed("too many 500 error responses"), uri, "after-ray mirror x.yaml")
        assert isinstance(told, FilesRefused)
        assert "cannot keep files of runs (it answers 500)" in str(told)
        assert "'after-ray mirror x.yaml' fills it in" in str(told)
    assert isinstance(refused(failed("too many 500"), uri, "after-ray mirror x.yaml"), TrackerUnreachable)


def test_a_folder_that_takes_no_files_keeps_its_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MlflowClient, "log_artifacts", full)
    store = Store(tmp_path)
    with pytest.raises(TrackerRefused, match=r"\(\[Errno 28\] No space left on device\)"):
        fill(default_tracking_uri(store), store, sample_study(0), [])


@pytest.mark.parametrize("listed", ['{"files": []}', '{"files": [{"path": "other.json", "is_dir": false}]}'])
def test_a_file_gone_from_a_bucket_is_gone_though_the_server_calls_it_an_internal_error(listed: str) -> None:
    with answering({"?path=": (200, listed), "cells.json": (500, "404 HeadObject")}) as (uri, asked):
        assert Artifacts(uri).read(ROOT, "cells.json") is None
    assert len(asked) == 2, "an error that lasts is not asked for again"


def test_a_file_that_is_there_and_cannot_be_read_is_not_called_gone() -> None:
    listed = '{"files": [{"path": "cells.json", "is_dir": false, "file_size": 3}]}'
    with (
        answering({"?path=": (200, listed), "cells.json": (500, "no keys")}) as (uri, _),
        pytest.raises(Exception, match="500 Server Error"),
    ):
        Artifacts(uri).read(ROOT, "cells.json")


def test_a_user_in_the_uri_of_a_server_is_refused_without_the_password() -> None:
    with pytest.raises(SignInElsewhere, match="MLFLOW_TRACKING_USERNAME") as caught:
        refuse_unknown("http://bob:secret@127.0.0.1:5000")
    assert "secret" not in str(caught.value)
