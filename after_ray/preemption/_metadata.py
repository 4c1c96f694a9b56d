"""Requests to a provider's metadata server, which answers on every machine of its own at a fixed address."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping

SECONDS = 2.0  # a metadata server answers in milliseconds, or is none
# A proxy must never be asked: it would answer for another machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, headers: Mapping[str, str], method: str = "GET") -> str:
    """The text of the answer.

    Raises:
        urllib.error.HTTPError: where the answer is an error.
        OSError: where nobody answers in time.
        http.client.HTTPException: where what answers speaks no HTTP.
    """
    request = urllib.request.Request(url, headers=dict(headers), method=method)
    with _OPENER.open(request, timeout=SECONDS) as answer:
        text: str = answer.read(1 << 16).decode("utf-8", "replace")
    return text.strip()
