"""The page's server: for this machine alone unless told otherwise, and then with a token."""

from __future__ import annotations

import hashlib
import io
import json
import wave
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from after_ray.errors import AfterRayError
from sweeps.labelling.page.desk import Desk, NotWaiting
from sweeps.labelling.page.picture import picture
from sweeps.listening import LOCAL

SAMPLE_RATE = 16_000
COOKIE = "after_ray_token"
ASKED_BY_PAGE = "x-after-ray"  # a header that no page of another origin can send without being asked first
MOST_BYTES = 4096  # of a request
FILES = {"page.js": "text/javascript", "page.css": "text/css", "icon.svg": "image/svg+xml"}
OF_ANSWER = ("clip", "utterance", "label")
SAFE = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Read = Callable[[str], NDArray[np.float32]]
Next = Callable[[Request], Awaitable[Response]]


class Page:
    """The page, with a desk for each annotator.

    Args:
        desks: by token, which every client must know; by the empty text the only one where just this machine
            can reach the server, whose name for itself is then checked, so that no other name leads here (DNS
            rebinding).
        read: the samples of a clip, at 16 kHz in [-1, 1], by the id of its utterance.
        host: where the server listens.
    """

    def __init__(self, desks: Mapping[str, Desk], read: Read, host: str = "127.0.0.1") -> None:
        self._desks = {digest(token): desk for token, desk in desks.items()}
        self._open, self._names = "" in desks, LOCAL | {host}
        self._heard = lru_cache(maxsize=8)(read)

    @property
    def application(self) -> Starlette:
        """What a server runs."""
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/static/{name}", self.static),
                Route("/api/state", self.state),
                Route("/api/clips/{number:int}/audio", self.audio),
                Route("/api/clips/{number:int}/picture", self.picture),
                Route("/api/answers", self.answer, methods=["POST"]),
                Route("/api/undo", self.undo, methods=["POST"]),
            ],
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._guard)],
        )

    async def _guard(self, request: Request, call_next: Next) -> Response:
        refused = self._refused(request)
        response = refused if refused is not None else await call_next(request)
        response.headers.update(SAFE)
        return response

    def _refused(self, request: Request) -> Response | None:
        """Why a request is not answered; None where it is."""
        if self._open and (request.url.hostname or "") not in self._names:
            return _told("This page is only for the machine it runs on.", 403)
        if self._desk_of(request) is None:
            return _told("Open the address that 'after-ray annotate serve' printed when it was started.", 403)
        if request.method == "POST" and ASKED_BY_PAGE not in request.headers:
            return _told("Answers come from the page alone.", 403)
        return None

    def _desk_of(self, request: Request) -> Desk | None:
        """By the token of its address, else of the cookie that was made of one."""
        known = "" if self._open else request.query_params.get("token") or request.cookies.get(COOKIE, "")
        return self._desks.get(digest(known))

    def _desk(self, request: Request) -> Desk:
        desk = self._desk_of(request)
        assert desk is not None  # the guard has refused
        return desk

    async def page(self, request: Request) -> Response:
        """The page; of a token in its address a cookie is made, so that it stays in no history.

        The cookie is lax, not strict: the address may be opened from a mail. Answers need a header of ours.
        """
        if not self._open and "token" in request.query_params:
            response = RedirectResponse("/", 303)
            response.set_cookie(COOKIE, request.query_params["token"], httponly=True, samesite="lax")
            return response
        return Response(_static("index.html"), media_type="text/html")

    async def static(self, request: Request) -> Response:
        """Its script and its style, and no other file."""
        name = request.path_params["name"]
        return Response(_static(name), media_type=FILES[name]) if name in FILES else _none()

    async def state(self, request: Request) -> Response:
        """What is to be shown."""
        try:
            return JSONResponse(self._desk(request).state())
        except AfterRayError as error:  # an answer in the store cannot be read
            return _told(str(error), 503)

    def audio(self, request: Request) -> Response:
        """A clip of the batch, by its number in it."""
        samples = self._samples(request)
        return _none() if samples is None else Response(_wav(samples), media_type="audio/wav")

    def picture(self, request: Request) -> Response:
        """What it looks like."""
        samples = self._samples(request)
        return _none() if samples is None else Response(picture(samples), media_type="image/png")

    async def answer(self, request: Request) -> Response:
        """Take an answer; it is on disk before this one is given."""
        try:
            values = await _json(request)
            who, number, utterance, label = (values[name] for name in ("annotator", *OF_ANSWER))
        except (ValueError, KeyError, TypeError, RecursionError):
            return _told(f"An answer is an object with annotator, {', '.join(OF_ANSWER)}.", 400)
        if type(number) is not int or not isinstance(utterance, str) or not isinstance(label, str | None):
            return _told("A clip is a number, an utterance a text, and a label a text or null.", 400)
        desk = self._desk(request)
        return _done(desk, who, lambda: desk.answer(number, utterance, label))

    async def undo(self, request: Request) -> Response:
        """Take the newest answer back."""
        try:
            who = (await _json(request))["annotator"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return _told("What takes an answer back is an object with annotator.", 400)
        desk = self._desk(request)
        return _done(desk, who, desk.undo)

    def _samples(self, request: Request) -> NDArray[np.float32] | None:
        clip = self._desk(request).clip(request.path_params["number"])
        return None if clip is None else self._heard(clip.utterance)


async def _json(request: Request) -> dict[str, Any]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise ValueError("too long")
    values = json.loads(body)
    if not isinstance(values, dict):
        raise TypeError("no object")
    return values


def digest(token: str) -> bytes:
    """What tokens are looked up by: how long it takes tells nothing of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _done(desk: Desk, annotator: object, act: Callable[[], None]) -> Response:
    """The state after an act, or why it was not done."""
    if annotator != desk.annotator:  # one browser has opened the addresses of two
        told = f"This browser is {desk.annotator}'s now; open your own address again."
        return JSONResponse({"told": told, **desk.state()}, 409)
    try:
        act()
    except NotWaiting as error:
        return JSONResponse({"told": str(error), **desk.state()}, 409)
    except AfterRayError as error:
        return _told(str(error), 400)
    except OSError as error:
        return _told(f"The answer is not on disk ({error.strerror}); give it again.", 503)
    return JSONResponse(desk.state())


def _told(sentence: str, status: int) -> Response:
    return JSONResponse({"told": sentence}, status)


def _none() -> Response:
    return _told("There is no such clip.", 404)


def _static(name: str) -> str:
    return resources.files("sweeps.labelling.page").joinpath("static", name).read_text(encoding="utf-8")


def _wav(samples: NDArray[np.float32]) -> bytes:
    """A WAV of 16 bits, which every browser plays."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
