"""What stands before MLflow's server: limits, and one sentence whatever goes wrong behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeps.listening import LOCAL, own_names
from sweeps.serving.application import Guard, application, sentence_of
from sweeps.serving.fields import UNREADABLE
from sweeps.serving.turns import ASKED, Stopped

JSON = [(b"content-type", b"application/json"), (b"host", b"127.0.0.1:5001")]
MOST = 1000


class Inner:
    """Answers with what it is given, or fails."""

    def __init__(self, status: int = 200, answer: bytes = b"{}", error: Exception | None = None) -> None:
        self._status, self._answer, self._error = status, answer, error
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.bodies.append(message["body"])
        if self._error is not None:
            raise self._error
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": self._answer})


def answer_of(
    inner: Inner,
    parts: Sequence[bytes] = (b"{}",),
    headers: Sequence[tuple[bytes, bytes]] = tuple(JSON),
    names: frozenset[str] | None = LOCAL,
    guard: Any = None,
) -> tuple[int, bytes, int]:
    """Status and body of the answer, and how many parts of the request were taken."""
    said: list[Any] = []
    left = [
        {"type": "http.request", "body": part, "more_body": place + 1 < len(parts)}
        for place, part in enumerate(parts)
    ]

    async def receive() -> Any:
        return left.pop(0) if left else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "headers": list(headers)}
    asyncio.run((guard or Guard(inner, names, MOST))(scope, receive, send))  # type: ignore[arg-type]
    return said[0]["status"], b"".join(one.get("body", b"") for one in said), len(parts) - len(left)


def test_a_good_request_goes_through_as_it_is() -> None:
    inner = Inner(answer=b'{"predictions": []}')
    body = json.dumps({"inputs": [{"audio": "a" * 973}]}).encode()
    assert len(body) == MOST
    assert answer_of(inner, [body[:600], body[600:]]) == (200, b'{"predictions": []}', 2)
    assert inner.bodies == [body]


def test_a_huge_body_is_refused_before_it_is_read() -> None:
    inner = Inner()
    status, body, taken = answer_of(inner, [b"x"], [*JSON, (b"content-length", b"1001")])
    assert (status, taken) == (413, 0)
    assert "over 1000 bytes" in json.loads(body)["message"]
    status, _, taken = answer_of(inner, [b"x" * 400] * 9)  # sent in pieces, its length not said
    assert (status, taken) == (413, 3)
    status, _, _ = answer_of(inner, [b"x"], [*JSON, (b"content-length", b"-5")])
    assert status == 413
    assert inner.bodies == []


@pytest.mark.parametrize("kind", [b"text/csv", b"application/vnd.apache.parquet", b"text/plain", b""])
def test_only_json_is_read(kind: bytes) -> None:
    inner = Inner()
    assert answer_of(inner, headers=[(b"content-type", kind), JSON[1]])[0] == 415
    assert inner.bodies == []


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"localhost", 200),
        (b"127.0.0.1:80", 200),
        (b"[::1]:5001", 200),
        (b"evil.example:5001", 403),
        (b"127.0.0.1.evil.example", 403),
        (b"", 403),
        (b"127.0.0.2", 403),
    ],
)
def test_no_other_name_leads_to_a_server_of_this_machine_alone(host: bytes, status: int) -> None:
    assert answer_of(Inner(), headers=[JSON[0], (b"host", host)])[0] == status
    assert answer_of(Inner(), headers=[JSON[0], (b"host", host)], names=None)[0] == 200


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "localhost"])
def test_an_address_of_this_machine_that_it_is_bound_to_is_its_name(host: str) -> None:
    asked = f"[{host}]:5001" if ":" in host else f"{host}:5001"
    headers = [JSON[0], (b"host", asked.encode())]
    assert answer_of(Inner(), headers=headers, names=own_names(host))[0] == 200
    assert answer_of(Inner(), headers=[JSON[0], (b"host", b"evil.example")], names=own_names(host))[0] == 403
    assert own_names("0.0.0.0") is None


def test_a_server_is_guarded_by_where_it_is_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow.pyfunc
    from mlflow.environment_variables import MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT
    from mlflow.pyfunc import scoring_server

    monkeypatch.setattr(mlflow.pyfunc, "load_model", lambda *given, **named: None)
    limits: list[int] = []
    monkeypatch.setattr(
        scoring_server,
        "init",
        lambda model: limits.append(MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.get()) or Inner(),
    )
    foreign = [JSON[0], (b"host", b"evil.example")]
    for host, status in (("127.0.0.1", 403), ("127.0.0.2", 403), ("0.0.0.0", 200)):
        guard = application(Path("nowhere"), "cpu", host, 7.0)
        assert answer_of(Inner(), headers=foreign, guard=guard)[0] == status
    assert min(limits) > 3600  # MLflow's own would answer, and let the work go on


def test_names_that_nobody_knows_are_refused_before_mlflow_drops_them() -> None:
    inner = Inner()
    status, body, _ = answer_of(inner, [b'{"inputs": [], "params": {"windw": 1}}'])
    assert (status, inner.bodies) == (400, [])
    assert json.loads(body)["message"] == (
        "'params' of the request has 'windw'; allowed: 'window' and 'hop', in seconds."
    )


def test_a_request_is_not_gone_on_with_when_who_asked_has_left() -> None:
    stopped: list[str] = []

    async def working(scope: Any, receive: Any, send: Any) -> None:
        asked = ASKED.get()
        assert asked is not None
        asked.check()
        for _ in range(500):
            await asyncio.sleep(0.01)
            try:
                asked.check()
            except Stopped as reason:
                stopped.append(str(reason))
                raise

    async def receive() -> Any:
        return left.pop(0)

    left = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "headers": JSON}
    asyncio.run(Guard(working, LOCAL, MOST)(scope, receive, send))
    assert stopped == ["Who asked has left."]
    assert said == []


def test_what_was_begun_for_an_answer_that_was_given_ends() -> None:
    kept: list[Any] = []

    class Hasty(Inner):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            kept.append(ASKED.get())
            await super().__call__(scope, receive, send)

    assert answer_of(Hasty(504, b"too late"))[0] == 504
    with pytest.raises(Stopped):
        kept[0].check()


def test_failures_behind_it_tell_nothing_of_the_machine() -> None:
    status, body, _ = answer_of(Inner(error=ValueError("/home/secret/path")))
    assert status == 500
    assert b"secret" not in body
    status, body, _ = answer_of(Inner(error=RecursionError()))
    assert (status, json.loads(body)) == (400, {"message": UNREADABLE})
    told = {"message": "It failed.", "stack_trace": "File /home/secret/path"}
    status, body, _ = answer_of(Inner(400, json.dumps(told).encode()))
    assert (status, json.loads(body)) == (400, {"message": "It failed."})


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("Failed to predict data 'a\nError: b'. \nError: Input 0 is bad.", "Input 0 is bad."),
        (
            "Invalid input. Ensure that input is a valid JSON formatted string. Error\nInput: \nsecret",
            UNREADABLE,
        ),
        (
            "The input must be a JSON dictionary with one of the input fields {..}. IMPORTANT",
            UNREADABLE,
        ),
        ("x" * 900, "x" * 500 + "..."),
        ("", UNREADABLE),
    ],
)
def test_of_what_mlflow_says_the_sentence_is_kept(message: str, sentence: str) -> None:
    assert sentence_of(json.dumps({"message": message})) == sentence


def test_answers_that_are_no_json_are_sentences_too() -> None:
    assert sentence_of("Request processing time exceeded limit") == "Request processing time exceeded limit"
    assert sentence_of('{"detail": "Not Found"}') == "Not Found"
