"""The cluster files of this project as a user has filled them in, and what the check says of one."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from sweeps.cli import app

REPOSITORY = Path(__file__).parents[3]
AWS, ON_PREM, KUBERAY = "cluster.yaml", "clusters/on_prem.yaml", "clusters/kuberay.yaml"
FILES = (AWS, ON_PREM, KUBERAY)
VALUES = {
    "YOUR_BUCKET": "lab-speech",
    "AMI_ID": "ami-0123456789abcdef0",
    "HEAD_PROFILE": "after-ray-head",
    "WORKER_PROFILE": "after-ray-worker",
    "YOUR_REGISTRY": "registry.example.org/lab",
    "HEAD_ADDRESS": "10.0.0.5",
    "WORKER_1_ADDRESS": "10.0.0.6",
    "WORKER_2_ADDRESS": "10.0.0.7",
    "ssh_user: USER": "ssh_user: ada",
}


def filled(name: str, old: str = "", new: str = "") -> str:
    """The text of a shipped file with values of a user; `old` replaced by `new`, which must be there."""
    text = (REPOSITORY / name).read_text()
    for placeholder, value in VALUES.items():
        text = text.replace(placeholder, value)
    assert old in text, f"{name} has no '{old}' to break"
    return text.replace(old, new) if old else text


def checked(path: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["cluster", "check", str(path), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def written(tmp_path: Path, text: str | bytes, name: str = "cluster.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
