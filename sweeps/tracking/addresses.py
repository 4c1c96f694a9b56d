"""Addresses of trackers: what is one, and whether somebody answers there."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from sweeps.tracking.errors import ANOTHER, NoTracker, SignInElsewhere, TrackerUnreachable

PROBE_SECONDS = 5.0
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def refuse_unknown(tracking_uri: str) -> None:
    """Return when a URI is one that the mirror may write to, whether anybody answers there or not.

    Raises:
        NoTracker: for what is no server and no database.
        SignInElsewhere: for a server's URI with a user in it.
    """
    try:
        parts = urlsplit(tracking_uri)
        named = parts.hostname and parts.port != 0
    except ValueError as error:  # no port, or an address that is none
        raise NoTracker(tracking_uri) from error
    scheme, _, _ = parts.scheme.partition("+")
    known = (
        (is_server(tracking_uri) and named)
        or (scheme == "sqlite" and len(parts.path) > 1 and not parts.netloc)
        or (scheme in DATABASE_PORTS and len(parts.path) > 1)
    )
    if not known or "://" not in tracking_uri:
        raise NoTracker(tracking_uri)
    if is_server(tracking_uri) and parts.username is not None:
        raise SignInElsewhere(tracking_uri)


def is_server(tracking_uri: str) -> bool:
    """Whether the URI names a tracking server, which keeps artifacts itself, and not a database."""
    return urlsplit(tracking_uri).scheme in {"http", "https"}


def probe(tracking_uri: str, remedy: str = ANOTHER) -> None:
    """Return when somebody listens at the URI.

    Raises:
        TrackerUnreachable: after at most `PROBE_SECONDS` per address.
    """
    parts = urlsplit(tracking_uri)
    try:
        if is_server(tracking_uri):
            urllib.request.urlopen(f"{tracking_uri.rstrip('/')}/health", timeout=PROBE_SECONDS).close()
        elif parts.hostname:
            port = parts.port or DATABASE_PORTS.get(parts.scheme.partition("+")[0], 0)
            socket.create_connection((parts.hostname, port), timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError:
        return  # it answers; a server behind a proxy may have no health page
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise TrackerUnreachable(tracking_uri, str(reason), remedy) from error
