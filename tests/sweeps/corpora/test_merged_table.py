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
    code, output = scan(corpora, tmp_path, f"preset={preset}")
    assert sentence in output
    assert code == 1  # only some of the members are at hand


def test_members_that_are_missing_are_named_below_the_whole_table(corpora: Path, tmp_path: Path) -> None:
    code, output = scan(corpora, tmp_path)
    assert code == 1
    assert row(output, "iemocap")[3:5] == ["1103 / 1708 / 1084 / 1636 (5531)", "not found"]
    assert row(output, "emodb")[4] == "127 / 79 / 62 / 71 (339) converted"
    assert "shemo: agrees; the released label file lacks" in output
    assert output.splitlines()[-1] == (
        f"error: Corpus 'merged' lacks 3 of its 6 members: iemocap ({corpora / 'iemocap'}), shemo "
        f"({corpora / 'shemo'}), emovdb ({corpora / 'emovdb'}). Put them there, or list others with --set "
        "'members=[emodb, ravdess, cremad]'."
    )


def test_progress_names_the_member(corpora: Path, tmp_path: Path) -> None:
    _, output = scan(corpora, tmp_path, "members=[emodb, ravdess]")
    assert "reading emodb: 339 of 339" in output
    assert "reading ravdess: 672 of 672" in output
    assert "reading merged" not in output
