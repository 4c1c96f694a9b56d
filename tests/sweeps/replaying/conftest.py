"""The small study that ran, for tests that replay it."""

from __future__ import annotations

from tests.sweeps.selections.conftest import ran

__all__ = ["ran"]
