"""`corpora scan merged`: the paper's Table 1 beside the true counts, each disagreement explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli import app


def scan(corpora: Path, tmp_path: Path, *settings: str) -> tuple[int, str]:
    words = [word for setting in settings for word in ("--set", setting)]
    arguments = ["corpora", "scan", "merged", "--root", str(corpora), "--store", str(tmp_path), *words]
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output


def row(output: str, name: str) -> list[str]:
    """The cells of one row of the table, of the one that begins with the paper's total."""
    lines = [line for line in output.splitlines() if f"│ {name} " in line and line.count("│") == 8]
    return [cell.strip() for cell in lines[0].strip("│ ").split("│")]


def test_printed_official_and_found_counts_stand_side_by_side(corpora: Path, tmp_path: Path) -> None:
    code, output = scan(corpora, tmp_path, "members=[emodb, ravdess]")
    assert code == 0
    assert row(output, "emodb")[1:] == [
        "408", "195 / 82 / 63 / 69", "127 / 79 / 62 / 71 (339)", "127 / 79 / 62 / 71 (339) converted",
        "0 / 0 / 0 / 0 (0)", "no",
    ]  # fmt: skip
    assert row(output, "ravdess")[-1] == "yes"
    assert row(output, "all")[1] == "1080"
    assert "test corpus: emodb" in output
    assert "408 and the ratio fit only if the 69 of fear are counted as anger" in output


@pytest.mark.parametrize(
    ("preset", "sentence"),
    [
        (
            "paper_table1",
            "not reproducible: of the 21793 utterances that the paper prints at most 17084 can be",
        ),
        ("repo_json", "not reproducible: the label file has 16,626 utterances, and the releases give 16,674"),
    ],
)
def test_what_cannot_be_reproduced_is_said(corpora: Path, tmp_path: Path, preset: str, sentence: str) -> None:
    members = "members=[emodb, ravdess]"
    code, output = scan(corpora, tmp_path, members, f"preset={preset}", "test_corpus=emodb")
    assert sentence in output
    fear_is_missing_here = preset == "paper_table1"  # only the four classes of EMO-DB are at hand
    assert code == (1 if fear_is_missing_here else 0)
    if fear_is_missing_here:
        assert "difference: class anger has 127 instead of 196 utterances" in output


def test_a_member_that_is_missing_is_named_with_its_folder(corpora: Path, tmp_path: Path) -> None:
    code, output = scan(corpora, tmp_path)
    assert code == 1
    assert f"Corpus 'iemocap' was not found in {corpora / 'iemocap'}" in output.replace("\n", "")
