"""Modules of a user's own that tests write: their names are few, and a process keeps what it has loaded."""

from __future__ import annotations

import sys

import pytest


def load_anew(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Until the patch is undone modules of these names are found anew; then what was loaded of them goes."""
    for name in names:
        patch.setitem(sys.modules, name, sys)  # so that its undoing takes out whatever stands there then
        patch.delitem(sys.modules, name)
