"""A command that is given several studies reads each corpus once, and others for themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeps.commands._options import opened_studies
from sweeps.planning import opening

STUDY = """\
study: {name}
corpus: {{name: synthetic, speakers: 6, sentences: {sentences}}}
classifier: functionals
strategy: [{strategy}]
schedule: [10, 20, 40]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
"""


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The settings of every corpus that was read."""
    seen: list[Any] = []
    real: Callable[..., Any] = opening.scan

    def noted(settings: Any, *others: Any) -> Any:
        seen.append(settings)
        return real(settings, *others)

    monkeypatch.setattr(opening, "scan", noted)
    return seen


def test_three_studies_of_one_corpus_read_it_once(
    tmp_path: Path, scanned: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    studies = [("a", 5, "random"), ("b", 5, "entropy"), ("c", 4, "random"), ("d", 5, "margin")]
    paths = [tmp_path / f"{name}.yaml" for name, _, _ in studies]
    for path, (name, sentences, strategy) in zip(paths, studies, strict=True):
        path.write_text(STUDY.format(name=name, sentences=sentences, strategy=strategy))
    opened = opened_studies(paths, tmp_path / "store", None)
    assert [settings.sentences for settings in scanned] == [5, 4], "other settings are another corpus"
    assert capsys.readouterr().out.count("reading corpora") == 2
    assert [len(one.scans[0].manifest) for one in opened] == [120, 120, 96, 120]
    assert opened[0].scans[0] is opened[3].scans[0]
    opened_studies(paths[:1], tmp_path / "store", None)
    assert len(scanned) == 3, "another command looks again"
