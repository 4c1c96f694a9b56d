"""docs/differences.md: every row is there, and each setting it names is one, of the effect that it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from after_ray.presets import OFFICIAL_CODE, merged
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from tests.after_ray.tiny import TINY
from tests.docs.pages import Page
from tests.docs.studies import completed, loaded

PAGE = Page("docs/differences.md")
ROW = re.compile(r"^\| (?P<id>[DB]\d+) \|.*\| (?P<switch>[^|]*) \|$", re.MULTILINE)
ROWS = {found["id"]: found["switch"] for found in ROW.finditer(PAGE.text)}
YAML = re.compile(r"`(?P<yaml>[{\w][^`]*[:}][^`]*)`")
SETTINGS = [(row, found["yaml"]) for row, switch in ROWS.items() for found in YAML.finditer(switch)]
NO_SWITCH = ("not switchable", "cannot be had")
STUDY: dict[str, Any] = {
    "study": "official",
    "corpus": {"name": "merged", "root": "DIR"},
    "classifier": {"name": "pooled_transformer"},
    "backbone": {"config": TINY},
    "adaptation": {"name": "tapt"},
    "strategy": "entropy",
    "initialization": {"name": "clustering"},
    "schedule": [10, 20],
}


def test_all_decisions_and_all_mistakes_are_there() -> None:
    assert list(ROWS) == [*(f"D{n}" for n in range(1, 35)), *(f"B{n}" for n in range(1, 13))]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_how_to_switch_or_that_nothing_can_be(row: str) -> None:
    assert YAML.search(ROWS[row]) or ROWS[row].startswith(NO_SWITCH)


@pytest.mark.parametrize(("row", "text"), SETTINGS, ids=[f"{row}: {text}" for row, text in SETTINGS])
def test_a_setting_is_one(row: str, text: str, tmp_path: Path) -> None:
    part = yaml.safe_load(text)
    assert isinstance(part, dict)
    usual = {"resources": {"gpu": 1}} if "gpu_model" in text else {}
    assert loaded(completed(usual | part), tmp_path)


def test_a_setting_that_was_renamed_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="selektor"):
        loaded(completed({"protocol": {"selektor": "exact"}}), tmp_path)


def decided(values: dict[str, Any], path: Path) -> dict[str, Any]:
    """Everything that a study decides, without the names of presets."""
    path.write_text(yaml.safe_dump(values))
    study: Study = load_study(path)
    told = yaml.safe_load(study.model_dump_json())
    told["protocol"].pop("preset")
    for adaptation in told["adaptation"]:
        adaptation.pop("preset")
    return told  # type: ignore[no-any-return]


def test_as_there_is_what_the_protocol_of_the_published_code_sets(tmp_path: Path) -> None:
    """All rows of the page together are `protocol: official_code`, no more and no less."""
    written = dict(STUDY)
    for row in ROWS.values():
        for found in re.finditer(r"as there: `([^`]+)`", row):
            written = merged(written, yaml.safe_load(found[1]))
    by_name = decided(STUDY | {"protocol": "official_code"}, tmp_path / "name.yaml")
    assert decided(written, tmp_path / "rows.yaml") == by_name
    assert decided(STUDY, tmp_path / "paper.yaml") != by_name


def test_every_decision_of_the_preset_is_in_a_row_that_says_so() -> None:
    said = " ".join(re.findall(r"as there: `[^`]+`", PAGE.text))
    names = {*OFFICIAL_CODE.decisions, *OFFICIAL_CODE.decisions["fitting"]} - {"fitting"}
    same_as_the_paper = {"batch_size", "learning_rate"}
    assert {name for name in names if name not in said} == same_as_the_paper
