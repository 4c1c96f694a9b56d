"""Services as a team has them: an S3 server, and MLflow with sign-in on PostgreSQL by `serve.sh`."""

from __future__ import annotations

import logging
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
from typing import Any

import pytest

SERVE = Path(__file__).parents[2] / "deploy" / "mlflow" / "serve.sh"
ADMIN = "admin"
PASSWORD = "only-for-this-test"
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def lacks_postgres() -> str:
    """What is missing to start a PostgreSQL."""
    found = shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return "" if found else "initdb of PostgreSQL"


class Buckets:
    """An S3 server in this process, whose bucket `team` is the only one."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it tells of every request otherwise
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)

    def start(self) -> None:
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.environment = {**KEYS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
        self.client.create_bucket(Bucket="team")

    def stop(self) -> None:
        self._server.stop()

    @property
    def client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name=KEYS["AWS_DEFAULT_REGION"],
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )

    def names(self, prefix: str) -> set[str]:
        """Of all objects below a prefix of the bucket, without it."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="team", Prefix=prefix)
        found = (one["Key"] for page in pages for one in page.get("Contents", ()))
        return {key.removeprefix(prefix) for key in found}

    def remove(self, prefix: str) -> None:
        """Every object below a prefix."""
        for name in self.names(prefix):
            self.client.delete_object(Bucket="team", Key=prefix + name)


class Team:
    """A tracking server that `serve.sh` starts, with its PostgreSQL, in a folder of its own."""

    def __init__(self, folder: Path, buckets: Buckets) -> None:
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
            "MLFLOW_ARTIFACTS_DESTINATION": "s3://team/mlflow",
            "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
            "AFTER_RAY_MLFLOW_DATA": self.data,
            "AFTER_RAY_PYTHON": sys.executable,
            **buckets.environment,
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
def buckets_running() -> Iterator[Buckets]:
    """An S3 server, for as long as it is needed."""
    buckets = Buckets()
    buckets.start()
    try:
        yield buckets
    finally:
        buckets.stop()


@contextmanager
def team_running(buckets: Buckets) -> Iterator[Team]:
    """MLflow for a team, for as long as it is needed; its folder is where PostgreSQL's user may go."""
    folder = Path(tempfile.mkdtemp(prefix="after-ray-team-"))
    folder.chmod(0o711)
    team = Team(folder, buckets)
    try:
        team.start()
        yield team
    finally:
        team.serve("stop")
        shutil.rmtree(folder)
