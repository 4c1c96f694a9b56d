"""The page's server as clients meet it, friendly ones and others."""

from __future__ import annotations

import asyncio
import io
import json

import numpy as np
import pytest
import soundfile
from PIL import Image
from starlette.testclient import TestClient

from after_ray.labelling import Journal
from sweeps.labelling.page.batch import Batch
from sweeps.labelling.page.desk import Desk
from sweeps.labelling.page.server import ASKED_BY_PAGE, MOST_BYTES, Page
from sweeps.labelling.page.serving import address_of, desks_for
from sweeps.listening import is_loopback

OURS = {ASKED_BY_PAGE: "page"}
WAVE = np.sin(np.arange(8000) / 10).astype(np.float32)


@pytest.fixture
def begun(begin):
    return begin()


def client_of(desks, host="127.0.0.1:8765"):
    return TestClient(Page(desks, lambda utterance: WAVE).application, base_url=f"http://{host}")


@pytest.fixture
def client(begun):
    return client_of({"": Desk(Batch(begun), "ann")})


def given(client, label="sad", **changed):
    state = client.get("/api/state").json()
    values = {"annotator": "ann", "clip": state["clip"], "utterance": state["utterance"], "label": label}
    return client.post("/api/answers", json=values | changed, headers=OURS)


def test_a_page_asks_plays_shows_and_takes_answers(client):
    assert "<audio" in client.get("/").text
    samples, rate = soundfile.read(io.BytesIO(client.get("/api/clips/0/audio").content))
    assert rate == 16_000
    np.testing.assert_allclose(samples, WAVE, atol=1e-4)
    assert Image.open(io.BytesIO(client.get("/api/clips/0/picture").content)).size == (800, 320)
    assert given(client).json()["answered"] == 1
    assert client.post("/api/undo", json={"annotator": "ann"}, headers=OURS).json()["answered"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "/static/../desk.py",
        "/static/..%2Fdesk.py",
        "/static/%2e%2e/desk.py",
        "/static//etc/passwd",
        "/etc/passwd",
        "/api/clips/999/audio",
        "/api/clips/-1/audio",
        "/api/clips/..%2F0/audio",
        "/api/clips/0/picture/../../../etc/passwd",
    ],
)
def test_no_path_leads_to_anything_but_the_page_and_the_clips_that_wait(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"null", b'{"clip": 0}', b"[" * 4000, b'"' + b"x" * MOST_BYTES + b'"', b"\xff\xfe"],
)
def test_what_is_no_answer_is_refused(client, body):
    for path in ("/api/answers", "/api/undo"):
        assert client.post(path, content=body, headers=OURS).status_code == 400
    assert client.get("/api/state").json()["answered"] == 0


def in_pieces(client, path, whole):
    """The status of a request that does not say how long it is, which the client for tests cannot send."""
    parts = [whole[begin : begin + 1000] for begin in range(0, len(whole), 1000)]
    said = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    said[-1]["more_body"] = False
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8765"), (ASKED_BY_PAGE.encode(), b"page")],
    }
    answers = []

    async def receive():
        return said.pop(0)

    async def send(message):
        answers.append(message)

    asyncio.run(client.app(scope, receive, send))
    return answers[0]["status"]


@pytest.mark.parametrize("at_once", [True, False], ids=["with its length", "in pieces"])
@pytest.mark.parametrize("path", ["/api/answers", "/api/undo"])
def test_a_request_beyond_the_limit_does_nothing_however_right_it_is(client, path, at_once):
    if path == "/api/undo":
        given(client)
    state = client.get("/api/state").json()
    body = json.dumps({"annotator": "ann", "label": "sad", **{k: state[k] for k in ("clip", "utterance")}})

    def posted(size):
        whole = body.encode().ljust(size)  # blanks, which JSON allows
        if at_once:
            return client.post(path, content=whole, headers=OURS).status_code
        return in_pieces(client, path, whole)

    assert posted(MOST_BYTES + 1) in (400, 413)
    assert client.get("/api/state").json() == state
    assert posted(MOST_BYTES) == 200
    assert client.get("/api/state").json()["answered"] == 1 - state["answered"]


@pytest.mark.parametrize(
    "changed", [{"clip": True}, {"clip": "0"}, {"utterance": 3}, {"label": ["sad"]}, {"label": "joy"}]
)
def test_an_answer_of_another_kind_is_refused(client, changed):
    response = given(client, **changed)
    assert response.status_code == 400
    assert response.json()["told"]


def test_a_second_window_is_told_and_shown_what_is_next(client):
    stale = client.get("/api/state").json()
    given(client, "anger")
    late = given(client, "sad", clip=stale["clip"], utterance=stale["utterance"])
    assert late.status_code == 409
    assert "answered in another window: anger" in late.json()["told"]
    assert late.json()["clip"] == stale["clip"] + 1


def test_a_page_of_another_origin_can_neither_answer_nor_be_led_here_by_a_name(client):
    values = {"annotator": "ann", "clip": 0, "utterance": "x", "label": None}
    assert client.post("/api/answers", content=json.dumps(values)).status_code == 403
    assert client.get("/api/state", headers={"Host": "evil.example"}).status_code == 403
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.options("/api/answers", headers=asked).headers


def test_what_is_served_loads_nothing_from_elsewhere(client):
    assert client.get("/").headers["content-security-policy"].startswith("default-src 'self'")
    for path in ("/", "/static/page.js", "/static/page.css", "/static/icon.svg"):
        text = client.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("// ", ""), "an address"


def test_beyond_this_machine_a_token_is_needed_and_leaves_the_address(begun):
    desks = desks_for(Batch(begun), ["ann"], "0.0.0.0")
    (token,) = desks
    client = client_of(desks, "192.168.0.7:8765")
    for path in ("/", "/api/state", "/api/clips/0/audio", "/static/page.js", "/?token=", "/?token=wrong"):
        assert client.get(path).status_code == 403
    kept = client.get(f"/?token={token}", follow_redirects=False).headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=lax" in kept, "strict: an address opened from a mail is refused"
    opened = client.get(f"/?token={token}")
    assert opened.status_code == 200
    assert token not in str(opened.url)
    assert given(client).status_code == 200


def test_several_annotators_have_an_address_each(begun):
    batch = Batch(begun)
    desks = desks_for(batch, ["ann", "bob"], "127.0.0.1")
    assert "" not in desks
    names = {}
    for token in desks:
        client = client_of(desks)
        client.get(f"/?token={token}")
        names[token] = client.get("/api/state").json()["annotator"]
    assert sorted(names.values()) == ["ann", "bob"]


def test_a_browser_that_opened_anothers_address_answers_for_nobody(begun):
    desks = desks_for(Batch(begun), ["ann", "bob"], "127.0.0.1")
    client = client_of(desks)
    for token in desks:  # the last one is bob's
        client.get(f"/?token={token}")
    mixed = given(client)
    assert mixed.status_code == 409
    assert "bob's now" in mixed.json()["told"]
    assert mixed.json()["answered"] == 0


def test_an_answer_that_is_not_on_disk_is_told_and_asked_again(client, monkeypatch):
    def full(self, answers, via):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", full)
        response = given(client)
    assert response.status_code == 503
    assert "No space left on device" in response.json()["told"]
    assert given(client).json()["answered"] == 1


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("localhost.evil.example", False),
    ],
)
def test_only_loopback_goes_without_a_token(begun, host, local):
    assert is_loopback(host) is local
    assert ("" in desks_for(Batch(begun), ["ann"], host)) is local


def test_addresses_can_be_opened():
    assert address_of("127.0.0.1", 8765, "") == "http://127.0.0.1:8765/"
    assert address_of("::1", 80, "abc") == "http://[::1]:80/?token=abc"
    assert "0.0.0.0" not in address_of("0.0.0.0", 80, "abc")


def test_the_name_that_it_listens_on_is_one_of_its_own(begun):
    page = Page({"": Desk(Batch(begun), "ann")}, lambda utterance: WAVE, "127.8.9.1")
    assert TestClient(page.application, base_url="http://127.8.9.1:8765").get("/").status_code == 200


def test_a_token_can_be_asked_for_on_this_machine_too(begun):
    assert "" not in desks_for(Batch(begun), ["ann"], "127.0.0.1", token=True)
