"""The examples of docs/analysis.md work as they are printed there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.tracking.made_up import write_made_up
from tests.sweeps.small import small_study

PAGE = Path(__file__).parents[2] / "docs" / "analysis.md"


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    opened = small_study(tmp_path, seed=[0, 1], fold="all")
    write_made_up(opened)
    opened.path.rename("STUDY.yaml")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(blocks) == 3
    known: dict[str, Any] = {}
    for block in blocks:
        exec(block.replace("emodb", "synthetic"), known)
    assert known["table"]["confidence"].between(0.25, 1).all()
    assert not np.array_equal(known["table"]["confidence"], known["on_validation"])
    assert known["differences"].shape == (2, 3), "seeds x folds"
    assert 0 <= known["outcome"].p <= 1


def test_the_page_names_every_column(tmp_path: Path) -> None:
    from sweeps.reporting.report import read_results

    opened = small_study(tmp_path)
    write_made_up(opened)
    named = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    unnamed = set(read_results(opened, "store").frame.columns) - named
    assert {name for name in unnamed if not name.startswith("seconds_")} <= {
        "validation_wa",
        "validation_loss",
    }
