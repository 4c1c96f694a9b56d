"""MLflow's model server behind a guard: limits on what comes in, one sentence where something is wrong."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from sweeps.listening import own_names
from sweeps.serving.fields import UNREADABLE, refusal_of
from sweeps.serving.turns import ASKED, Asked

MOST_BYTES = 64_000_000  # of a request
MOST_SECONDS = 300.0  # for an answer
LEFT_TO_US = 86_400  # seconds: MLflow's own limit would answer, and let the work go on
LONGEST_SENTENCE = 500  # characters
TYPE = "application/json"
ECHO = "\nError: "  # in MLflow's words: behind all of the data that was sent
BAD_SAMPLES = (
    "'samples' of an input is no list of numbers; allowed: one channel in [-1, 1], and recordings as 'audio' "
    "in a request of their own."
)

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


def application(
    folder: Path,
    device: str,
    host: str,
    seconds: float = MOST_SECONDS,
    own_classifier: str | None = None,
) -> Application:
    """The server of a registered model, which lies in `folder`.

    Args:
        folder: of `Registry.folder_of`.
        device: a torch device name.
        host: to which the server is bound. Where only this machine can reach it, its name for itself is
            checked, so that no other name leads here (DNS rebinding).
        seconds: within which a request is answered.
        own_classifier: the class that may be imported for a model of somebody's own, whatever the entry says.
    """
    os.environ["MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"] = str(round(seconds) + LEFT_TO_US)
    import mlflow.pyfunc
    from mlflow.pyfunc import scoring_server

    from sweeps.serving.scoring import DEVICE, OWN

    model = mlflow.pyfunc.load_model(str(folder), model_config={DEVICE: device, OWN: own_classifier or ""})
    return Guard(scoring_server.init(model), own_names(host), seconds=seconds)


class Guard:
    """What stands before MLflow's server, which reads bodies of any size and answers with all of them."""

    def __init__(
        self,
        inner: Application,
        names: Collection[str] | None,
        most: int = MOST_BYTES,
        seconds: float = MOST_SECONDS,
    ) -> None:
        """`names`: by which alone it may be asked; None where any will do."""
        self._inner, self._names, self._most, self._seconds = inner, names, most, seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        refused = self._refused(scope, headers)
        body = b"" if refused else await self._body(headers, receive)
        if body is None:
            refused = (
                413,
                f"The request is over {self._most} bytes; send fewer recordings at a time, or FLAC.",
            )
        elif body and not refused and (reason := await asyncio.to_thread(refusal_of, body)):
            refused = 400, reason
        if refused or body is None:
            await _answer(send, *(refused or (400, UNREADABLE)))
            return
        await self._pass_on(scope, body, receive, send)

    def _refused(self, scope: Message, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """Why a request is not looked at, with its status; None where it is."""
        if self._names is not None and _host(headers) not in self._names:
            return 403, "This server is only for the machine it runs on; 'after-ray serve --host' opens it."
        if scope["method"] == "POST" and not headers.get(b"content-type", b"").startswith(TYPE.encode()):
            return 415, f"The request is no JSON; send it with the header 'Content-Type: {TYPE}'."
        return None

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes | None:
        """All of it; None as soon as it is known to be too long."""
        announced = headers.get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._most:
            return None
        parts, length = [], 0
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
            length += len(parts[-1])
            if length > self._most:
                return None
            if not message.get("more_body"):
                return b"".join(parts)

    async def _pass_on(self, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        asked, left = Asked(self._seconds), asyncio.Event()
        pending = [{"type": "http.request", "body": body, "more_body": False}]
        said: list[Message] = []

        async def replayed() -> Message:
            if pending:
                return pending.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def kept(message: Message) -> None:
            said.append(message)

        watching = asyncio.create_task(_watch(receive, asked, left))
        ASKED.set(asked)  # servers answer each request in a task, and with it in a context, of its own
        refused = None
        try:
            await self._inner(scope, replayed, kept)
        except RecursionError:
            refused = 400, UNREADABLE
        except Exception:
            if not left.is_set():
                logging.getLogger(__name__).exception("a request failed")
            refused = 500, "The server failed on this request; its own output says why."
        finally:
            watching.cancel()
            asked.leave()  # what is still done for it, is done for nobody
        if not left.is_set():
            await _give(send, refused, said)


async def _watch(receive: Receive, asked: Asked, left: asyncio.Event) -> None:
    """Wait until who asked leaves: their request is then not gone on with."""
    while (await receive())["type"] != "http.disconnect":
        pass
    asked.leave()
    left.set()


async def _give(send: Send, refused: tuple[int, str] | None, said: Sequence[Message]) -> None:
    """What MLflow said where it is an answer, else one sentence."""
    status = next((one["status"] for one in said if one["type"] == "http.response.start"), 500)
    if refused is None and status < 400:
        for message in said:
            await send(message)
        return
    answer = b"".join(one.get("body", b"") for one in said)
    await _answer(send, *(refused or (status, sentence_of(answer.decode("utf-8", "replace")))))


def sentence_of(answer: str) -> str:
    """What is wrong, of an answer of MLflow: without traces, and without what was sent.

    Ours stand behind all of the data; of MLflow's own the first line says it.
    """
    try:
        said = json.loads(answer)
        message = str(said["message"] if "message" in said else said["detail"])
    except (ValueError, KeyError, TypeError):
        message = answer
    if ECHO in message:
        message = message.rpartition(ECHO)[2]
    elif "'Array(" in message:
        message = BAD_SAMPLES
    elif "valid JSON" in message or "input fields" in message:
        message = UNREADABLE
    line = (message.strip().splitlines() or [UNREADABLE])[0]
    if line.startswith("Failed to enforce schema"):
        line = line.rpartition("Error: ")[2]
    return line if len(line) <= LONGEST_SENTENCE else f"{line[:LONGEST_SENTENCE]}..."


def _host(headers: dict[bytes, bytes]) -> str:
    """The name by which a server was asked, without its port."""
    host = headers.get(b"host", b"").decode("latin-1")
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


async def _answer(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"message": sentence}).encode()
    length = str(len(body)).encode()
    headers = [(b"content-type", TYPE.encode()), (b"content-length", length), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
