"""MLflow: what the driver, which runs on the head, writes to. Trials never talk to it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from after_ray.errors import AfterRayError
from sweeps.cluster.model import Cluster, Finding
from sweeps.tracking.addresses import is_server, refuse_unknown
from sweeps.tracking.errors import SignInElsewhere, without_password

VARIABLE = "MLFLOW_TRACKING_URI"


def check(cluster: Cluster) -> Iterator[Finding]:
    """Whether the head can reach it, and whether it outlives the head."""
    uri = cluster.head.environment.get(VARIABLE)
    line = cluster.line_with(VARIABLE)
    if not uri:
        yield Finding(
            f"the head has no {VARIABLE}: MLflow would be an SQLite file on its disk, lost with it "
            "('after-ray mirror' fills a server from the store later)",
            cluster.line(*cluster.head.place),
            warning=True,
        )
        return
    sentence = _problem(uri, cluster)
    if sentence is not None:
        yield Finding(f"the tracker {without_password(uri)} {sentence}", line)
    elif uri.startswith("sqlite:"):
        yield Finding(f"the tracker {uri} is a file on the head's disk, lost with it", line, warning=True)


def _problem(uri: str, cluster: Cluster) -> str | None:
    try:
        refuse_unknown(uri)
    except SignInElsewhere:
        return (
            "names a user, whose password lists of processes and pages would show; leave it out, and sign in "
            "by ~/.mlflow/credentials on the head"
        )
    except AfterRayError:
        return "is no server and no database; allowed: http(s)://host:port, sqlite:///..., postgresql://..."
    host = urlsplit(uri).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1") and not is_server(uri):
        return "is a database on the head itself, where none is started by this file; name a tracking server"
    if host in ("localhost", "127.0.0.1", "::1") and cluster.starter == "kuberay":
        return "is the head's own pod, where no tracking server runs; name its service"
    if host == "0.0.0.0":
        return "is no address that anybody can be reached at; name the server's own"
    return None
