"""Variables that `docker run` sets are those of a node, as if its commands had exported them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweeps.cluster.reading import read_cluster
from tests.sweeps.cluster.filled import AWS, checked, filled, written

OPTIONS = 'run_options: ["--ulimit nofile=65536:65536"]'
EXPORT = "export MLFLOW_TRACKING_URI=http://127.0.0.1:5000"
FORMS = (
    "-e {}",
    "--env {}",
    "--env={}",
    "-e{}",
    "-e={}",
    "-ite {}",
    "-e A=b#c -e {}",
    "--rm -e A=1 --env '{}' --name x",
    '-e A="1 -e {}',
)


def with_options(*options: str, key: str = "run_options") -> str:
    return filled(AWS, OPTIONS, f"{key}: {json.dumps(options)}")


@pytest.mark.parametrize("form", FORMS)
def test_a_password_in_an_option_is_refused_and_not_shown(tmp_path: Path, form: str) -> None:
    option = form.format("MLFLOW_TRACKING_URI=http://u:secret@mlflow:5000")
    path = written(tmp_path, with_options(option).replace(EXPORT, "true"))
    (line,) = (number for number, text in enumerate(path.read_text().splitlines(), 1) if "secret" in text)
    code, said = checked(path)
    assert code == 1
    assert f"{path}, line {line}: the tracker http://u:***@mlflow:5000 names a user" in said
    assert "secret" not in said


def test_options_of_a_role_and_of_a_kind_of_machine(tmp_path: Path) -> None:
    text = with_options("-e A=1", "-e B=1 -e HOME --env-file x").replace(
        "docker:\n", "docker:\n  head_run_options: [-e B=2]\n  worker_run_options: [-e C=1, -e]\n"
    )
    head, gpu = ({"B": "2", "A": "1"}, {"A": "1", "B": "1", "C": "1"})
    assert variables(tmp_path, text) == [head, gpu]
    own = text.replace("  gpu:\n", "  gpu:\n    docker: {worker_run_options: [-e C=2]}\n")
    assert variables(tmp_path, own) == [head, gpu | {"C": "2"}]


def variables(tmp_path: Path, text: str) -> list[dict[str, str]]:
    nodes = read_cluster(written(tmp_path, text)).nodes
    return [{name: value for name, value in node.environment.items() if len(name) == 1} for node in nodes]


def test_what_commands_export_comes_after_the_options(tmp_path: Path) -> None:
    cluster = read_cluster(written(tmp_path, with_options("-e AFTER_RAY_STORE=/tmp/store")))
    assert {node.environment["AFTER_RAY_STORE"] for node in cluster.nodes} == {"s3://lab-speech/after-ray"}
