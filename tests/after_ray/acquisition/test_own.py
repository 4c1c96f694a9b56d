"""The strategy that the documentation shows is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from after_ray.acquisition import strategies
from after_ray.testing import check_strategy
from tests.own_modules import load_anew

PAGE = Path(__file__).parents[3] / "docs" / "strategies.md"


def test_the_strategy_of_the_documentation_keeps_every_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "mine.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    load_anew(monkeypatch, "mine")
    assert "mine:Gini" in PAGE.read_text()
    check_strategy(strategies.resolve("mine:Gini")())
