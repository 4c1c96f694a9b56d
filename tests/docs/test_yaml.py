"""Every YAML, JSON and CSV block of the pages is what it is said to be."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from sweeps.study.study_file import StudyError
from tests.docs.pages import LANGUAGES, Block, Page, pages
from tests.docs.studies import loaded, studies_in

BLOCKS = [block for page in pages() for block in page.blocks]


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


@pytest.mark.parametrize("block", of("yaml"), ids=lambda block: block.place)
def test_a_yaml_block_is_a_study_or_a_part_of_one(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTER_RAY_CORPORA", str(tmp_path))
    _write_modules(block.page, tmp_path, monkeypatch)
    found = [loaded(text, tmp_path) for text in studies_in(block.text)]
    assert found


def _write_modules(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes of the user's own, which a page has as whole files."""
    monkeypatch.syspath_prepend(folder)
    for block in Page(page).blocks:
        if block.language == "python" and block.file_name:
            (folder / block.file_name).write_text(block.text)
            monkeypatch.delitem(sys.modules, Path(block.file_name).stem, raising=False)


def test_an_unknown_setting_of_a_part_is_refused(tmp_path: Path) -> None:
    (text,) = studies_in("protocol: {budgets: seconds}\n")
    with pytest.raises(StudyError, match="budgets"):
        loaded(text, tmp_path)


def test_a_repeated_key_is_an_alternative(tmp_path: Path) -> None:
    text = "schedule: [10]\nadaptation: tapt\nadaptation: none\n"
    assert [loaded(one, tmp_path).adaptation[0] is None for one in studies_in(text)] == [False, True]


@pytest.mark.parametrize("block", of("json"), ids=lambda block: block.place)
def test_a_json_block_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", of("csv"), ids=lambda block: block.place)
def test_a_csv_block_is_a_table(block: Block) -> None:
    head, *rows = csv.reader(io.StringIO(block.text))
    assert rows
    assert {len(row) for row in rows} == {len(head)}


def test_every_block_says_what_it_is() -> None:
    """A block without a language would be neither run nor read."""
    assert [block.place for block in BLOCKS if block.language not in LANGUAGES] == []
