"""`after-ray store` as a user types it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from after_ray.execution.kept_folds import keep_folds
from after_ray.store import Record, Store
from sweeps.cli import app
from sweeps.commands._options import one_sentence
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.searching.belonging import keys_of
from sweeps.searching.book import Book
from tests.after_ray.store.filled import everything, filled, leave

STUDY = """\
study: NAME
corpus: {name: synthetic, speakers: 6, sentences: 3}
classifier: functionals
strategy: STRATEGY
schedule: [20, 40]
fold: 0
protocol: {preset: paper, folds: {count: 3}}
"""
SEARCH = """\
search:
  space: {classifier.regularization: {loguniform: [0.1, 10]}}
  candidates: 2
  seed: [100]
  fold: [0, 1]
"""


def ask(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["store", *map(str, arguments)])
    return done.exit_code, done.output


def study(folder: Path, name: str, strategy: str, more: str = "") -> OpenStudy:
    """A study that is finished, for all that its ledger says."""
    path = folder / f"{name}.yaml"
    path.write_text(STUDY.replace("NAME", name).replace("STRATEGY", strategy) + more)
    opened = open_study(path, folder / "store")
    for split, scan in zip(opened.plan.splits, opened.scans, strict=True):
        keep_folds(split.stage, scan.manifest, opened.store, split.table)
    for stage in (*opened.plan.shared.values(), *(s for t in opened.plan.trajectories for s in t.stages)):
        parents = tuple(needed.key for needed in stage.needs())
        opened.store.ledger.add(Record(stage.key, stage.kind, stage.meaning(), parents))
    return opened


def test_du_says_what_takes_room_and_what_each_study_needs(tmp_path: Path) -> None:
    first, second = study(tmp_path, "first", "entropy"), study(tmp_path, "second", "margin")
    code, said = ask("du", first.path, second.path, "--store", first.store.root)
    assert code == 0, said
    rows = [[word.strip() for word in line.split("│")] for line in said.splitlines()]
    folds = next(row[2] for row in rows if row[1:2] == ["folds"])
    assert ["", "round", "0 B", "3", ""] in rows
    assert ["", "first", folds, "0 B", "5", ""] in rows, "both need the folds"
    assert ["", "none of these", "0 B", "0 B", "0", ""] in rows
    alone = ask("du", first.path, "--store", first.store.root)[1]
    assert f"{folds} │       5" in alone


def test_gc_shows_and_only_with_yes_removes(tmp_path: Path) -> None:
    store, _ = filled(tmp_path)
    left = leave(tmp_path / "checkpoints" / ("e" * 32), 24 * 40, "state.json")
    code, said = ask("gc", "--store", tmp_path)
    assert code == 0
    assert "abandoned checkpoints" in said
    assert str(left) in said.replace("\n", "")
    assert left.exists()
    assert "nothing to remove" in ask("gc", "--store", tmp_path, "--days", 50, "--yes")[1]
    code, said = ask("gc", "--store", tmp_path, "--yes")
    assert "removed" in said
    assert not left.exists()
    assert len(store.ledger.finished()) == 4


def test_gc_keeps_the_studies_that_are_named_and_what_they_share(tmp_path: Path) -> None:
    first, second = study(tmp_path, "first", "entropy"), study(tmp_path, "second", "margin")
    root = first.store.root
    code, said = ask("gc", "--store", root, "--keep", first.path, "--yes")
    assert code == 0, said
    assert first.store.ledger.finished() == first.plan.keys
    assert "nothing to remove" in ask("gc", "--store", root, "--keep", first.path, "--keep", second.path)[1]


def test_what_a_search_drew_belongs_to_its_study(tmp_path: Path) -> None:
    opened = study(tmp_path, "searching", "entropy", SEARCH)
    book = Book.open(opened)
    drawn = [book.add({"classifier.regularization": value}) for value in (0.5, 2.0)]
    keys = keys_of(opened)
    assert opened.plan.keys <= keys
    for candidate in drawn:
        assert not isinstance(candidate.asks, str), candidate.asks
        assert candidate.asks.stage.key in keys
        assert candidate.asks.plan.keys <= keys
    best = tmp_path / "store" / "searches" / "searching" / "best.yaml"
    best.write_text(STUDY.replace("NAME", "best").replace("STRATEGY", "margin"))
    assert open_study(best, opened.store.root).plan.keys <= keys_of(opened)


def test_results_of_a_study_move_to_another_store_and_back_without_a_change(tmp_path: Path) -> None:
    first, second = study(tmp_path, "first", "entropy"), study(tmp_path, "second", "margin")
    out, other = tmp_path / "out.tar", tmp_path / "other"
    code, said = ask("export", out, first.path, "--store", first.store.root)
    assert code == 0, said
    assert said.splitlines()[-1].startswith("5 results, ")
    assert ask("export", out, "--store", first.store.root)[0] == 1, "nothing is replaced"
    code, said = ask("import", out, "--store", other)
    assert (code, said) == (0, "5 results imported, 0 were here already\n")
    assert Store(other).ledger.finished() == first.plan.keys
    code, said = ask("import", first.store.root, "--store", other)
    assert (code, said) == (0, "1 results imported, 5 were here already\n")
    assert Store(other).ledger.finished() == first.plan.keys | second.plan.keys


def test_an_import_of_other_bits_ends_with_a_sentence_each_and_exit_code_1(tmp_path: Path) -> None:
    source, target = Store(tmp_path / "a"), Store(tmp_path / "b")
    for store, ua in ((source, 0.5), (target, 0.6)):
        store.ledger.add(Record("d" * 32, "round", {}, measures={"ua": ua}))
    source.ledger.add(Record("e" * 32, "round", {}, ("d" * 32,)))
    code, said = ask("import", source.root, "--store", target.root)
    assert code == 1
    assert "the round result dddddddddddd is here with other bits (measures)" in said
    assert "1 results were left out" in said


def test_a_damaged_record_is_named_by_an_export_whose_exit_code_says_so(tmp_path: Path) -> None:
    store, records = filled(tmp_path / "store")
    path = store.root / "ledger" / records[2].key[:2] / f"{records[2].key}.json"
    path.write_bytes(b"")
    code, said = ask("export", tmp_path / "out.tar", "--store", store.root)
    assert code == 1
    error, done = sorted(said.splitlines(), key=lambda line: not line.startswith("error: "))
    assert done.startswith("2 results, ")
    assert "2 of 4 results are not in" in error
    assert f"the first: The record {path} is damaged" in error
    code, said = ask("import", tmp_path / "out.tar", "--store", tmp_path / "other")
    assert (code, said) == (0, "2 results imported, 0 were here already\n")
    code, said = ask("import", store.root, "--store", tmp_path / "third")
    assert code == 1, "what another store has and cannot be read is not passed over in silence"
    assert str(path) in said
    assert "1 results were left out" in said


@pytest.mark.parametrize("command", [["du"], ["gc"], ["export", "out.tar"]])
def test_a_folder_that_is_no_store_is_one_sentence(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = ask(*command, "--store", tmp_path / "nowhere")
    assert code == 1
    assert said.startswith("error: There is no store at")
    assert everything(tmp_path) == {}


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    code, said = ask("import", tmp_path / "none.tar", "--store", tmp_path / "store")
    assert code == 1
    assert said.startswith("error: ")
    assert "none.tar" in said


@pytest.mark.parametrize(
    ("path", "problem", "remedy"),
    [
        ("afile/o.tar", "File exists", "a file is where a folder should be: name another path"),
        ("afile/b/o.tar", "Not a directory", "a part of its path is a file, where a folder should be"),
        ("noroom/o.tar", "No space left on device", "free room on its disk"),
        (
            "closed/o.tar",
            "Permission denied",
            "check that you may read it, and write where something is written",
        ),
    ],
)
def test_the_remedy_fits_what_is_wrong_with_the_place_of_an_export(
    path: str, problem: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = filled(tmp_path / "store")
    (tmp_path / "afile").touch()
    code_of = {"noroom": errno.ENOSPC, "closed": errno.EACCES}.get(path.partition("/")[0])
    if code_of:
        making = Path.mkdir

        def refused(self: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
            if self.name in ("noroom", "closed"):
                raise OSError(code_of, os.strerror(code_of), str(self))
            making(self, mode, parents, exist_ok)

        monkeypatch.setattr(Path, "mkdir", refused)
    code, said = ask("export", tmp_path / path, "--store", store.root)
    assert code == 1
    assert f" cannot be used ({problem}); {remedy}" in said
    assert "that it is there" not in said


def test_a_full_disk_is_told_with_what_to_do_even_where_the_system_names_no_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), one_sentence(Path("store")):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "No space left on device; free room on its disk" in capsys.readouterr().err
