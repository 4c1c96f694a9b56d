"""The script that starts MLflow for a team: what it refuses, what it tells the server; it starts it once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVE = Path(__file__).parents[3] / "deploy" / "mlflow" / "serve.sh"

# In the place of Python: a server that writes down what it was told, and answers.
PYTHON = """\
#!/usr/bin/env bash
if [[ $1 != -m ]]; then exec {python} "$@"; fi
exec {python} -c '
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
json.dump([sys.argv[1:], dict(os.environ)], open("told.json", "w"))
if os.path.exists("broken"):
    sys.exit("no such table")
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
' "$@"
"""


class Script:
    """The script with settings of its own, away from the environment of who runs the tests."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        python = folder / "python"
        python.write_text(PYTHON.format(python=sys.executable))
        python.chmod(0o755)
        self.data = folder / "data"
        self.file = folder / "settings.env"
        self.file.touch(mode=0o600)
        self.settings = {
            "MLFLOW_HOST": "127.0.0.1",
            "MLFLOW_PORT": str(port),
            "MLFLOW_ARTIFACTS_DESTINATION": "s3://team/mlflow",
            "MLFLOW_AUTH_ADMIN_PASSWORD": "only-for-this-test",
            "MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg2://mlflow:a%20b@db/mlflow",
            "AFTER_RAY_MLFLOW_DATA": str(self.data),
            "AFTER_RAY_PYTHON": str(python),
        }

    def call(self, verb: str, **environment: str) -> subprocess.CompletedProcess[str]:
        self.file.write_text("# a comment\n" + "".join(f"{n}={v}\n" for n, v in self.settings.items()))
        return subprocess.run(
            [str(SERVE), verb, "--settings", str(self.file)],
            env={"PATH": os.environ["PATH"], "HOME": str(self.file.parent), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def refuses(self, verb: str = "start", **environment: str) -> str:
        done = self.call(verb, **environment)
        assert done.returncode == 1, done.stdout
        assert done.stderr.startswith("serve.sh: ")
        assert not (self.data / "server.pid").exists(), "nothing is started before all is right"
        return done.stderr


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    one = Script(tmp_path)
    yield one
    if (one.data / "server.pid").exists():
        one.call("stop")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MLFLOW_AUTH_ADMIN_PASSWORD", "", "MLFLOW_AUTH_ADMIN_PASSWORD is not set and there is no default"),
        ("MLFLOW_AUTH_ADMIN_PASSWORD", "password", "has 8 characters; allowed: 12 or more"),
        ("MLFLOW_HOST", "", "MLFLOW_HOST is not set: give this machine's address on the private network"),
        ("MLFLOW_HOST", "0.0.0.0", "'0.0.0.0', every network of this machine"),
        ("MLFLOW_HOST", "::", "every network of this machine"),
        ("MLFLOW_ARTIFACTS_DESTINATION", "", "give the bucket that keeps files of runs"),
        ("MLFLOW_BACKEND_STORE_URI", "postgresql://u@h/d", "allowed: postgresql+psycopg2://"),
        ("AFTER_RAY_MLFLOW_PERMISSION", "ALL", "'ALL'; allowed: READ, EDIT, MANAGE, NO_PERMISSIONS"),
        ("LD_PRELOAD", "x.so", "line 9 is no setting; allowed: NAME=VALUE"),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(script: Script, name: str, value: str, told: str) -> None:
    script.settings[name] = value
    assert told in script.refuses()


def test_a_password_is_in_no_sentence(script: Script) -> None:
    script.settings["MLFLOW_AUTH_ADMIN_PASSWORD"] = "short"
    assert "short" not in script.refuses()


def test_settings_that_others_may_read_are_refused(script: Script) -> None:
    script.file.chmod(0o644)
    assert f"chmod 600 {script.file}" in script.refuses()


def test_settings_are_never_run_as_code(script: Script, tmp_path: Path) -> None:
    script.settings["MLFLOW_HOST"] = f"$(touch {tmp_path}/ran)"
    script.settings["MLFLOW_AUTH_ADMIN_PASSWORD"] = ""
    script.refuses()
    assert not (tmp_path / "ran").exists()


def test_what_the_server_needs_and_this_python_lacks_is_named(script: Script) -> None:
    Path(script.settings["AFTER_RAY_PYTHON"]).write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    assert (
        "lacks mlflow psycopg2 boto3 flask_wtf: run \"pip install 'after-ray[server]'\"" in script.refuses()
    )


def test_a_command_that_it_does_not_know_gets_the_ones_it_does(script: Script) -> None:
    assert "'restart' is no command. usage: serve.sh start | stop | status | run" in script.refuses("restart")


def test_run_alone_needs_a_database(script: Script) -> None:
    del script.settings["MLFLOW_BACKEND_STORE_URI"]
    assert "run starts no PostgreSQL: set MLFLOW_BACKEND_STORE_URI" in script.refuses("run")


def test_it_starts_once_says_how_it_is_and_stops(script: Script) -> None:
    uri = f"http://127.0.0.1:{script.settings['MLFLOW_PORT']}"
    assert script.call("status").returncode == 3
    assert script.call("start").stdout == f"MLflow runs at {uri}; sign in as 'admin'\n"
    first = (script.data / "server.pid").read_text()
    assert script.call("start").stdout == f"MLflow runs already at {uri}\n"
    assert (script.data / "server.pid").read_text() == first
    assert script.call("status").returncode == 0
    assert script.call("stop").returncode == 0
    assert script.call("status").returncode == 3


def test_the_server_is_told_to_ask_for_sign_in_and_to_keep_to_itself(script: Script) -> None:
    """The variable of the environment comes before the one of the file."""
    assert script.call("start", MLFLOW_ARTIFACTS_DESTINATION="s3://other").returncode == 0
    words, told = json.loads((script.data / "told.json").read_text())
    address = f"--host 127.0.0.1 --port {script.settings['MLFLOW_PORT']} --workers 2"
    assert " ".join(words) == f"-m mlflow server --app-name basic-auth {address}", "a command line is for all"
    assert told["MLFLOW_BACKEND_STORE_URI"] == script.settings["MLFLOW_BACKEND_STORE_URI"]
    assert told["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://other"
    assert told["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert told["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert len(told["MLFLOW_FLASK_SERVER_SECRET_KEY"]) == 64
    hosts = told["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert f"127.0.0.1:{script.settings['MLFLOW_PORT']}" in hosts
    assert "*" not in hosts
    sign_in = Path(told["MLFLOW_AUTH_CONFIG_PATH"])
    assert sign_in.stat().st_mode & 0o077 == 0, "it may hold a password"


def test_mlflow_reads_the_sign_in_that_is_written(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.server.auth.config import read_auth_config

    assert script.call("start").returncode == 0
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(script.data / "basic_auth.ini"))
    read = read_auth_config()
    assert read.database_uri == script.settings["MLFLOW_BACKEND_STORE_URI"], "a percent sign stays what it is"
    assert read.default_permission == "READ"
    assert read.admin_password is None, "it is in the environment of the first start only"


def test_a_server_that_ends_while_it_starts_is_told_with_its_last_line(script: Script) -> None:
    script.data.mkdir()
    (script.data / "broken").touch()
    done = script.call("start")
    assert done.returncode == 1
    assert f"MLflow ended while it started, see {script.data}/server.log: no such table" in done.stderr
