"""docs/first_study.md as its reader would do it: from a folder with recordings to the report, through Ray."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from analysis.report.page import SECTIONS
from tests.docs.elsewhere import entry_of
from tests.docs.ground import write_recordings
from tests.docs.pages import Page
from tests.docs.reader import Reader

PAGE = Page("docs/first_study.md")
NAMED_SECTIONS = ("Learning curves", "Scores", "Comparisons", "Measures")


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_the_page_leads_from_nothing_to_a_report(tmp_path: Path) -> None:
    write_recordings(tmp_path / "recordings", speakers=6, sentences=5)
    reader = Reader(tmp_path)
    reader.save(PAGE)
    said = {}
    for command in PAGE.commands:
        if entry := entry_of(command):
            entry.check(command)
        else:
            said[command.text] = reader.in_bash(command)
    assert "30 │" in said["after-ray plan first.yaml"], "the 30 trajectories that the page counts"
    assert "150 │" in said["after-ray plan first.yaml"], "its 150 cells"
    assert "report: store/reports/first/index.html" in said["after-ray run first.yaml"]
    assert "by margin" in said[PAGE.commands[-1].text]
    for folder, seeds in (
        ("store/reports/calls", 5),
        ("report-of-five-seeds", 5),
        ("store/reports/first", 2),
    ):
        with open(tmp_path / folder / "cells.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["seed"] for row in rows} == {str(seed) for seed in range(seeds)}
        page = (tmp_path / folder / "index.html").read_text()
        assert all(f'<h2 id="{name}">' in page for name, title in SECTIONS if title in NAMED_SECTIONS)
        assert "<svg" in page


def test_the_recordings_of_the_page_are_named_like_those_of_its_test(tmp_path: Path) -> None:
    (listing,) = [block.text.split() for block in PAGE.blocks if block.language == "text"]
    write_recordings(tmp_path / "recordings", speakers=2, sentences=2)
    assert all((tmp_path / path).is_file() for path in listing)


def test_its_words_for_sections_are_those_of_the_report() -> None:
    named = {title for _, title in SECTIONS}
    for title in NAMED_SECTIONS:
        assert title in named
        assert f"**{title}**" in PAGE.text
