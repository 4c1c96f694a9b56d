"""Services as a team has them: MLflow with sign-in on PostgreSQL by `serve.sh`, its files in a bucket."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.s3 import BUCKET, S3Server

SERVE = Path(__file__).parents[2] / "deploy" / "mlflow" / "serve.sh"
ADMIN = "admin"
PASSWORD = "only-for-this-test"


def lacks_postgres() -> str:
    """What is missing to start a PostgreSQL."""
    found = shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return "" if found else "initdb of PostgreSQL"


class Team:
    """A tracking server that `serve.sh` starts, with its PostgreSQL, in a folder of its own."""

    def __init__(self, folder: Path, s3: S3Server) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{port}"
        self.data = folder / "data"
        self._settings = folder / "settings.env"
        self._settings.touch(mode=0o600)
        values = {
            "MLFLOW_HOST": "127.0.0.1",
            "MLFLOW_PORT": port,
            "MLFLOW_WORKERS": 1,
            "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{BUCKET}/mlflow",
            "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
            "AFTER_RAY_MLFLOW_DATA": self.data,
            "AFTER_RAY_PYTHON": sys.executable,
            **s3.environment,
        }
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def serve(self, verb: str) -> subprocess.CompletedProcess[str]:
        """One call of the script."""
        command = [str(SERVE), verb, "--settings", str(self._settings)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)

    def start(self) -> None:
        done = self.serve("start")
        log = self.data / "server.log"
        assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Its processes stand still meanwhile: it accepts connections and answers none."""
        group = int((self.data / "server.pid").read_text())
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def add(self, user: str) -> None:
        """Make a user, as the administrator does it."""
        from mlflow.server.auth.client import AuthServiceClient

        with pytest.MonkeyPatch.context() as patch:
            for name, value in signed_in(ADMIN, PASSWORD).items():
                patch.setenv(name, value)
            AuthServiceClient(self.uri).create_user(user, password_of(user))


def password_of(user: str) -> str:
    return f"password-of-{user}"


def signed_in(user: str, password: str | None = None) -> Mapping[str, str]:
    """The environment of a user."""
    return {
        "MLFLOW_TRACKING_USERNAME": user,
        "MLFLOW_TRACKING_PASSWORD": password or password_of(user),
    }


@contextmanager
def team_running(s3: S3Server) -> Iterator[Team]:
    """MLflow for a team, for as long as it is needed; its folder is where PostgreSQL's user may go."""
    folder = Path(tempfile.mkdtemp(prefix="after-ray-team-"))
    folder.chmod(0o711)
    team = Team(folder, s3)
    try:
        team.start()
        yield team
    finally:
        team.serve("stop")
        shutil.rmtree(folder)
