"""A stand-in for Google Cloud Storage: what obstore asks of it to create, read, list and delete objects.

It keeps objects in memory, knows `x-goog-if-generation-match: 0`, and is no proof of what Google does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

WRITTEN = "2026-01-01T00:00:00.000Z"


class Objects(ThreadingHTTPServer):
    """Objects by path, what was asked (method, path, headers), and whether the condition is known."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.held: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.conditional = True
        self.lock = threading.Lock()

    @property
    def config(self) -> dict[str, str]:
        """What obstore is told, so that it asks here and signs nothing."""
        key = {
            "gcs_base_url": f"http://127.0.0.1:{self.server_port}",
            "disable_oauth": True,
            "client_email": "",
        }
        return {"service_account_key": json.dumps(key | {"private_key": "", "private_key_id": ""})}


class _Requests(BaseHTTPRequestHandler):
    server: Objects
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _asked(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append((self.command, path, {k.lower(): v for k, v in self.headers.items()}))
        return path

    def _answer(self, status: int, body: bytes = b"", size: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if size is None else size))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        path, headers = self._asked(), self.headers
        data = self.rfile.read(int(headers.get("Content-Length", 0)))
        with self.server.lock:
            if source := headers.get("x-goog-copy-source"):
                source = f"/{unquote(source).lstrip('/')}"
                if source not in self.server.held:
                    return self._answer(404)
                data = self.server.held[source]
            only_new = headers.get("x-goog-if-generation-match") == "0"
            if only_new and self.server.conditional and path in self.server.held:
                return self._answer(412)
            self.server.held[path] = data
        self._answer(200)

    def do_GET(self) -> None:
        path, query = self._asked(), parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            return self._answer(200, _listing(self.server.held, path.strip("/"), query))
        data = self.server.held.get(path)
        self._answer(404) if data is None else self._answer(200, data)

    def do_HEAD(self) -> None:
        data = self.server.held.get(self._asked())
        self._answer(404) if data is None else self._answer(200, size=len(data))

    def do_DELETE(self) -> None:
        path = self._asked()
        with self.server.lock:
            gone = self.server.held.pop(path, None)
        self._answer(404 if gone is None else 204)


def _listing(held: dict[str, bytes], bucket: str, query: dict[str, list[str]]) -> bytes:
    prefix, delimiter = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
    found, folders = "", set()
    for path, data in sorted(held.items()):
        name = path.removeprefix(f"/{bucket}/")
        rest = name.removeprefix(prefix)
        if not name.startswith(prefix):
            continue
        if delimiter and delimiter in rest:
            folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
            continue
        found += (
            f"<Contents><Key>{escape(name)}</Key><LastModified>{WRITTEN}</LastModified>"
            f'<ETag>"1"</ETag><Size>{len(data)}</Size></Contents>'
        )
    found += "".join(
        f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in sorted(folders)
    )
    return f"<?xml version='1.0'?><ListBucketResult>{found}</ListBucketResult>".encode()


@contextmanager
def gcs_stand_in() -> Iterator[Objects]:
    """The stand-in, answering in a thread of its own."""
    server = Objects()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
