"""Sentences about a tracker that does not do what it should; none of them stops a study."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from after_ray.errors import AfterRayError

ANOTHER = "start it, or name another with --tracking-uri"  # where nothing is mirrored, only read


def fills_in(command: str) -> str:
    """What an outage means for a study, and what to do about it afterwards."""
    return f"studies go on without it, and '{command}' fills it in afterwards"


def first_sentence(error: BaseException) -> str:
    """What an error of a library says, without its advice, which may fill a paragraph."""
    told = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    return told or type(error).__name__


class NoTracker(AfterRayError):
    """A tracking URI of a form that the mirror does not know."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            f"'{without_password(uri)}' is no tracking URI; allowed: http://HOST:PORT or https://HOST of an "
            "MLflow server, sqlite:///FILE.db (sqlite:////FILE.db from the root), and postgresql://, "
            "mysql:// or mssql://USER:PASSWORD@HOST/DATABASE. Correct --tracking-uri (or "
            "MLFLOW_TRACKING_URI), or leave it out for SQLite in the store."
        )


class SignInElsewhere(AfterRayError):
    """A user or a password in the URI of a server, where lists of processes and pages would show it."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            f"'{without_password(uri)}' names a user; a server's URI is http://HOST:PORT or https://HOST: "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead."
        )


class TrackerUnreachable(AfterRayError):
    """Nobody answers at the tracking URI."""

    state = "cannot be reached"

    def __init__(self, uri: str, reason: str, remedy: str = ANOTHER) -> None:
        super().__init__(f"MLflow at {without_password(uri)} cannot be reached ({reason}): {remedy}.")
        self.reason = reason


class AccessRefused(TrackerUnreachable):
    """The tracker answers, but not to this user."""

    state = "refuses access"

    def __init__(self, uri: str, reason: str, remedy: str, later: str = "") -> None:
        AfterRayError.__init__(
            self, f"MLflow at {without_password(uri)} refuses access ({reason}): {remedy}{later}."
        )
        self.reason = f"{reason}; {remedy}"


class FilesRefused(AfterRayError):
    """The tracker answers and takes no files of runs."""

    def __init__(self, uri: str, answer: str, command: str) -> None:
        super().__init__(
            f"MLflow at {without_password(uri)} cannot keep files of runs ({answer}): its log says why, "
            f"often its bucket is gone or refuses its keys; {fills_in(command)}."
        )


class TrackerRefused(AfterRayError):
    """The tracker answers, but something could not be written."""

    def __init__(self, uri: str, error: Exception, command: str) -> None:
        super().__init__(
            f"MLflow at {without_password(uri)} did not take everything ({first_sentence(error)}): "
            f"{fills_in(command)}."
        )


class DatabaseUnusable(AfterRayError):
    """A database that is there and that MLflow cannot open."""

    state = "cannot be used"

    def __init__(self, uri: str, reason: str, remedy: str) -> None:
        super().__init__(f"MLflow cannot open its database {without_password(uri)} ({reason}): {remedy}.")
        self.reason = reason


class DatabaseSetAside(AfterRayError):
    """Told, not raised: the store's own database was unusable and is made anew."""

    def __init__(self, database: Path, reason: str, aside: Path) -> None:
        super().__init__(
            f"MLflow's database {database} cannot be used ({reason}); it holds nothing that the store "
            f"lacks but registered models, so it was set aside as {aside.name} and is made anew: run "
            "'after-ray mirror' for the store's other studies, and 'after-ray serve' with a model's folder."
        )


class MirrorBehind(AfterRayError):
    """MLflow lacks finished cells that a report is about; `lacking` says how many."""

    def __init__(self, uri: str, lacking: str, reason: str, command: str) -> None:
        because = f" ({reason})" if reason else ""
        self.lacking = lacking
        super().__init__(
            f"MLflow at {without_password(uri)} lacks {lacking}{because}: "
            f"'{command}' fills it in from the store."
        )


class MissingArtifact(AfterRayError):
    """A file of a run that is gone, or is not what the run says of it."""

    def __init__(self, file: str, key: str, reason: str, command: str) -> None:
        super().__init__(
            f"{file} of the cell {key} cannot be read from MLflow ({reason}): '{command}' sends it again "
            "from the store."
        )


class MirrorSlow(AfterRayError):
    """The mirror was still writing when the time given to it was over."""

    def __init__(self, uri: str, seconds: float, command: str) -> None:
        super().__init__(
            f"MLflow at {without_password(uri)} has not caught up with the study in {seconds:.0f} s: "
            f"{fills_in(command)}."
        )


class MirrorBusy(AfterRayError):
    """Another process mirrors the same study of the same store."""

    def __init__(self, study: str, command: str) -> None:
        super().__init__(
            f"Another process mirrors the study '{study}' to MLflow; what it leaves out, "
            f"'{command}' fills in when it has ended."
        )


def print_warning(sentence: str) -> None:
    """Say what does not stop a study."""
    from sweeps._console import errors

    errors.print(f"warning: {sentence}", markup=False)


def without_password(uri: str) -> str:
    """The URI as it may be printed."""
    try:
        password = urlsplit(uri).password
    except ValueError:  # a bracket that is not closed
        return uri
    return uri if password is None else uri.replace(f":{password}@", ":***@", 1)
