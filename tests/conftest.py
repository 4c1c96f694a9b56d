"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder with real speech, or a skip that names it."""
    folder = Path(os.environ.get("AFTER_RAY_CORPORA", REPOSITORY.parent / "shared" / "corpora"))
    if not (folder / "emodb").is_dir():
        _missing(f"real speech: no {folder}/emodb; set AFTER_RAY_CORPORA to a folder of corpora")
    return folder


def _missing(what: str) -> None:
    if os.environ.get("AFTER_RAY_STRICT") == "1":
        pytest.fail(f"missing here, and AFTER_RAY_STRICT=1 forbids skipping: {what}")
    pytest.skip(f"missing here: {what}")
