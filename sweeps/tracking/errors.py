"""Sentences about a tracker that does not do what it should; none of them stops a study."""

from __future__ import annotations

from urllib.parse import urlsplit

from after_ray.errors import AfterRayError

_CONSEQUENCE = "the study goes on; run the same command again to fill it in"


class TrackerUnreachable(AfterRayError):
    """Nobody answers at the tracking URI."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(f"MLflow at {without_password(uri)} cannot be reached ({reason}): {_CONSEQUENCE}.")


class TrackerRefused(AfterRayError):
    """The tracker answers, but something could not be written."""

    def __init__(self, uri: str, error: Exception) -> None:
        first_line = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        super().__init__(
            f"MLflow at {without_password(uri)} did not take everything ({first_line}): {_CONSEQUENCE}."
        )


class MirrorSlow(AfterRayError):
    """The mirror was still writing when the time given to it was over."""

    def __init__(self, uri: str, seconds: float) -> None:
        super().__init__(
            f"MLflow at {without_password(uri)} is {seconds:.0f} s behind the study, which has ended; "
            "run the same command again to fill it in."
        )


class MirrorBusy(AfterRayError):
    """Another process mirrors the same study of the same store."""

    def __init__(self, study: str) -> None:
        super().__init__(
            f"Another process mirrors the study '{study}' to MLflow; what it does not mirror "
            "is filled in when the same command is run again."
        )


def without_password(uri: str) -> str:
    """The URI as it may be printed."""
    password = urlsplit(uri).password
    return uri if password is None else uri.replace(f":{password}@", ":***@", 1)
