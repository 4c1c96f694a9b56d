"""A small study that ran, in this process, for tests of what its rounds chose."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.planning.opening import OpenStudy
from tests.sweeps.selections.ran import run_here
from tests.sweeps.small import small_study

CHANGED = {"strategy": ["random", "entropy"], "initialization": ["random", "clustering"], "fold": [0, 1]}


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> OpenStudy:
    """Two strategies and initializations, two folds, three rounds; nobody may change its store."""
    opened = small_study(tmp_path_factory.mktemp("ran"), **CHANGED)
    run_here(opened)
    return opened


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
