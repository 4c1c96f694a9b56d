"""What a refusal of a tracker means: who asks, what is not allowed, files that it cannot keep."""

from __future__ import annotations

from sweeps.tracking.addresses import is_server, probe
from sweeps.tracking.errors import AccessRefused, FilesRefused, TrackerUnreachable, fills_in

SIGN_IN = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"


class FilesNotTaken(Exception):
    """Files of a run could not be sent; its cause is MLflow's own error."""


def refused(
    error: BaseException, tracking_uri: str, command: str = ""
) -> TrackerUnreachable | FilesRefused | None:
    """The sentence for a refusal; None for an error of another kind.

    Args:
        error: MLflow's.
        tracking_uri: where it happened.
        command: what fills in later what is not mirrored now; empty where nothing is mirrored, only read.
    """
    cause = error.__cause__ if isinstance(error, FilesNotTaken) and error.__cause__ else error
    later = f"; {fills_in(command)}" if command else ""
    status = _status(cause)
    if status == 401:
        return AccessRefused(tracking_uri, *_unknown(), later)
    if status == 403:
        return AccessRefused(tracking_uri, *_not_allowed(str(cause)), later)
    if isinstance(error, FilesNotTaken):
        return _no_files(cause, tracking_uri, command)
    return None


def _no_files(
    cause: BaseException, tracking_uri: str, command: str
) -> TrackerUnreachable | FilesRefused | None:
    """A server that is gone is named as such; a folder says itself what is wrong with it."""
    if not is_server(tracking_uri):
        return None
    try:
        probe(tracking_uri, fills_in(command))
    except TrackerUnreachable as gone:
        return gone
    return FilesRefused(tracking_uri, _answer(cause), command)


def _unknown() -> tuple[str, str]:
    user = _user()
    if user is None:
        return "it asks who you are", f"set {SIGN_IN}"
    return f"it knows no user '{user}' with that password", f"correct {SIGN_IN}"


def _not_allowed(answer: str) -> tuple[str, str]:
    if "Invalid Host header" in answer:
        return (
            "it takes no requests under that name",
            "add the name to its MLFLOW_SERVER_ALLOWED_HOSTS, or name it by its address",
        )
    return (
        f"the user '{_user()}' may not do that in an experiment of somebody else",
        "ask its owner for the permission EDIT, or give the study another name ('study:' of its file)",
    )


def _user() -> str | None:
    """Who asks, as MLflow's client finds it: the environment, then its file of credentials."""
    from mlflow.utils.credentials import read_mlflow_creds

    return read_mlflow_creds().username


def _status(error: BaseException) -> int | None:
    """The HTTP status behind an error of MLflow's or of requests'."""
    response = getattr(error, "response", None)
    if response is not None:
        return int(response.status_code)
    told = getattr(error, "get_http_status_code", None)
    return None if told is None else int(told())


def _answer(error: BaseException) -> str:
    """What the server answered; MLflow's client wraps it into what it tried."""
    told = str(error)
    return "it answers 500" if "too many 500" in told else told.strip().partition("\n")[0][:200].rstrip(".")
