"""The containers of a team's MLflow: nothing runs them here, their files are read and checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parents[3]
FOLDER = HERE / "deploy" / "mlflow"
SECRETS = ("POSTGRES_PASSWORD", "MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


def test_images_are_pinned(services: dict[str, dict[str, Any]]) -> None:
    base = re.search(r"^FROM (\S+)", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    for image in (base[1], *(one["image"] for one in services.values())):
        assert re.fullmatch(r"[\w/-]+:\d+\.\d+[\w.-]*", image), image


def test_the_image_has_what_the_project_pins() -> None:
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    wanted = [*project["optional-dependencies"]["server"], *project["dependencies"]]
    pinned = dict(one.split("==") for one in wanted if re.fullmatch(r"[\w-]+==[\w.]+", one))
    server = {one.partition("==")[0] for one in project["optional-dependencies"]["server"]} | {"mlflow"}
    installed = dict(
        re.findall(r"^    ([\w-]+)==([\w.]+)", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    )
    assert installed == {name: pinned[name] for name in server}


def test_no_service_starts_without_passwords_and_none_has_a_default(
    services: dict[str, dict[str, Any]],
) -> None:
    told = {**services["postgres"]["environment"], **services["mlflow"]["environment"]}
    for name in (*SECRETS, "MLFLOW_HOST"):
        assert told[name] == f"${{{name}:?set {name} in .env}}"
    assert told["PGPASSWORD"] == told["POSTGRES_PASSWORD"]
    example = (FOLDER / ".env.example").read_text()
    for name in (*SECRETS, "MLFLOW_HOST"):
        assert re.search(rf"^{name}=$", example, re.MULTILINE), f"{name} of .env.example"


def test_passwords_are_never_committed() -> None:
    assert "deploy/mlflow/.env" in (HERE / ".gitignore").read_text().splitlines()


def test_only_the_server_is_reached_from_outside_and_by_the_private_address_only(
    services: dict[str, dict[str, Any]],
) -> None:
    assert "ports" not in services["postgres"]
    (port,) = services["mlflow"]["ports"]
    assert port == "${MLFLOW_HOST:?set MLFLOW_HOST in .env}:${MLFLOW_PORT:-5000}:${MLFLOW_PORT:-5000}"


def test_services_come_back_and_are_looked_after(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
    assert services["mlflow"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert services["postgres"]["volumes"], "its tables outlive the container"


def test_every_setting_of_the_example_is_one_that_the_script_takes() -> None:
    script = (FOLDER / "serve.sh").read_text()
    taken = re.search(r"\^\(\((\S+?)\)_\?", script)
    assert taken is not None
    for name in re.findall(r"^#? ?([A-Z0-9_]+)=", (FOLDER / ".env.example").read_text(), re.MULTILINE):
        assert re.match(taken[1], name), name
