"""What a user makes before a cluster file is checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sweeps.cluster.filled import REPOSITORY


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with what a user makes first; file mounts are relative to the checkout."""
    folder = tmp_path_factory.mktemp("home")
    for name in (".ray/auth_token", ".ssh/id_ed25519"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("0" * 64)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(REPOSITORY)
    return folder
