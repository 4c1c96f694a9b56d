"""`after-ray export selections` writes every selection of a study, the same bytes every time."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli import app
from sweeps.planning.opening import OpenStudy
from sweeps.selections.csv_file import csv_lines
from sweeps.selections.exporting import COLUMNS


def export(opened: OpenStudy, *arguments: object) -> tuple[int, str, str]:
    words = ["export", "selections", opened.path, "--store", opened.store.root, *arguments]
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def test_every_acquired_utterance_of_every_round_has_a_row(ran: OpenStudy, tmp_path: Path) -> None:
    out = tmp_path / "selections.csv"
    code, said, heard = export(ran, "--out", out)
    assert (code, said) == (0, "")
    assert "selections of 24 finished rounds" in heard
    with open(out, newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    expected = []
    for trajectory in ran.plan.trajectories:
        for number, stage in enumerate(trajectory.stages):
            record = ran.store.need(stage.key)
            axes = trajectory.axes
            for order, utterance in enumerate(record.details["acquired"], start=1):
                place = (axes.strategy, axes.initialization, str(axes.fold), str(axes.seed))
                expected.append((*place, str(number), str(order), utterance))
    named = ("strategy", "initialization", "fold", "seed", "round", "order", "utterance")
    assert [tuple(row[name] for name in named) for row in rows] == expected
    by_entropy = next(row for row in rows if row["strategy"] == "entropy" and row["round"] == "1")
    assert (by_entropy["rank"], by_entropy["pool"], by_entropy["percent"]) == ("1", "64", "20")
    assert float(by_entropy["score"]) > 0
    by_random = next(row for row in rows if row["strategy"] == "random" and row["round"] == "1")
    assert (by_random["rank"], by_random["score"]) == ("", "")
    assert {row["manifest"] for row in rows} == {ran.scans[0].manifest.digest}


def test_printed_and_written_it_is_the_same_bytes(ran: OpenStudy, tmp_path: Path) -> None:
    export(ran, "--out", tmp_path / "one.csv")
    _, printed, _ = export(ran)
    assert printed == (tmp_path / "one.csv").read_text()


def test_only_what_is_named_is_written(ran: OpenStudy) -> None:
    _, printed, _ = export(ran, "--only", "strategy=entropy,fold=1")
    rows = list(csv.DictReader(printed.splitlines()))
    assert {(row["strategy"], row["fold"]) for row in rows} == {("entropy", "1")}
    assert {row["initialization"] for row in rows} == {"random", "clustering"}


def test_unfinished_rounds_are_told_beside_the_file(ran: OpenStudy) -> None:
    code, printed, heard = export(ran, "--set", "schedule=[10, 20, 40, 50]")
    assert code == 0
    assert "8 rounds of 8 trajectories are not finished and not among them" in heard
    assert "not finished" not in printed
    assert {row["percent"] for row in csv.DictReader(printed.splitlines())} == {"10", "20", "40"}


def test_nothing_finished_is_one_sentence_and_no_file(ran: OpenStudy, tmp_path: Path) -> None:
    code, printed, heard = export(ran, "--set", "seed=7", "--out", tmp_path / "none.csv")
    assert (code, printed) == (1, "")
    command = f"after-ray run {ran.path} --store {ran.store.url} --set seed=7"
    assert f"nothing is selected yet; run: {command}" in " ".join(heard.split())
    assert not (tmp_path / "none.csv").exists()


def test_names_with_commas_and_quotes_come_back() -> None:
    rows = [["a,b", 'say "x"', None, 0.1 + 0.2, 3]]
    lines = list(csv_lines(("p", "q", "r", "s", "t"), rows))
    assert next(csv.reader(lines[1:])) == ["a,b", 'say "x"', "", "0.30000000000000004", "3"]


@pytest.mark.parametrize(
    "words", [("explain", "--cell", "fold=0", "--round", "0"), ("export", "selections")], ids=" ".join
)
def test_who_only_looks_makes_no_store(ran: OpenStudy, tmp_path: Path, words: tuple[str, ...]) -> None:
    mistyped = tmp_path / "mistyped"
    done = CliRunner().invoke(app, [*words, str(ran.path), "--store", str(mistyped)])
    assert done.exit_code == 1
    assert f"There is no store at {mistyped}" in " ".join(done.output.split())
    assert not mistyped.exists()
