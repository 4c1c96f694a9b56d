"""Folds as data: what is written is what is read, and a file of another corpus is refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from after_ray.errors import BadFoldFile, Leak
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldSettings, ValidationSettings
from after_ray.splits.fold_file import FoldTable
from tests.after_ray.splits.toy import dialogs, merged, rows


def table(manifest: Manifest, folds: FoldSettings | None = None, draw: str = "by_utterance") -> FoldTable:
    validation = ValidationSettings.model_validate({"draw": draw})
    return FoldTable.make(manifest, folds or FoldSettings(scheme="sessions"), validation)


@pytest.mark.parametrize("draw", ["by_utterance", "by_speaker", "half_of_test"])
def test_what_is_written_is_what_is_read(tmp_path: Path, draw: str) -> None:
    corpus = merged()
    folds = FoldSettings(scheme="sessions", test_corpus="dialogs", balance="per_class_cap")
    made = table(corpus, folds, draw)
    made.write(tmp_path / "folds.csv")
    read = FoldTable.read(tmp_path / "folds.csv", corpus)
    assert (read.digest, read.made, read.corpus) == (made.digest, made.made, "merged")
    for ours, theirs in zip(made.folds, read.folds, strict=True):
        assert ours.validation_is_of_test == theirs.validation_is_of_test == (draw == "half_of_test")
        for part in ("train", "validation", "test", "unused"):
            assert np.array_equal(getattr(ours, part), getattr(theirs, part))
    assert list(tmp_path.iterdir()) == [tmp_path / "folds.csv"]


def test_a_file_of_dealt_utterances_says_that_speakers_are_shared(tmp_path: Path) -> None:
    corpus = dialogs(each=7)
    table(corpus, FoldSettings(scheme="utterances", count=3)).write(tmp_path / "folds.csv")
    assert all(fold.shares_speakers for fold in FoldTable.read(tmp_path / "folds.csv", corpus).folds)


def test_the_first_line_says_of_which_corpus_and_how(tmp_path: Path) -> None:
    corpus = dialogs()
    table(corpus).write(tmp_path / "folds.csv")
    head, names, first = (tmp_path / "folds.csv").read_text().splitlines()[:3]
    assert head.startswith("# {")
    assert corpus.digest in head
    assert '"scheme": "sessions"' in head
    assert names == "utterance,fold_0,fold_1,fold_2,fold_3,fold_4"
    assert first.startswith("dialogs/1F-anger-0,test,")


def test_the_digest_says_who_is_where_and_not_how(tmp_path: Path) -> None:
    corpus = dialogs()
    sessions = table(corpus)
    assert sessions.digest != table(corpus, draw="by_speaker").digest
    assert (
        sessions.digest
        == FoldTable.make(corpus, FoldSettings(scheme="sessions"), ValidationSettings()).digest
    )


@pytest.mark.parametrize(
    ("draw", "digest"),
    [
        ("by_utterance", "69870cdf4badc6bd"),
        ("by_speaker", "4e29b45f29e999fb"),
        ("half_of_test", "833f2822e0d3d4d3"),
    ],
)
def test_these_folds_are_these_for_ever(draw: str, digest: str) -> None:
    """Fails when a library draws other numbers: stores then disagree, and only fold files help."""
    folds = FoldSettings(scheme="sessions", test_corpus="dialogs")
    assert table(merged(), folds, draw).digest.startswith(digest)


def test_these_balanced_folds_are_these_for_ever() -> None:
    """What a fold's train is thinned to is drawn by the fold's index."""
    folds = FoldSettings(scheme="sessions", test_corpus="dialogs", balance="per_class_cap")
    assert table(merged(), folds).digest.startswith("08376eebea9fead6")


def test_each_fold_is_thinned_by_a_draw_of_its_own() -> None:
    """All sessions look alike, so that one draw for all would keep the same places of every train."""
    balanced = FoldSettings(scheme="sessions", test_corpus="dialogs", balance="per_class_cap")
    corpus = merged()
    made = table(corpus, balanced, "half_of_test")
    kept = {tuple(np.searchsorted(np.union1d(f.train, f.unused), f.train)) for f in made.folds}
    assert len(kept) == len(made.folds) == 5


def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folds.csv"
    table(dialogs()).write(path)
    before = path.read_bytes()

    def fail(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(os, "replace", fail)
    for target in (path, tmp_path / "new" / "folds.csv"):
        with pytest.raises(OSError, match="No space left"):
            table(dialogs(), draw="by_speaker").write(target)
    assert {file for file in tmp_path.rglob("*") if file.is_file()} == {path}
    assert path.read_bytes() == before


def test_names_with_commas_and_quotes_survive(tmp_path: Path) -> None:
    odd = [
        row | {"utterance": f'own/a, "{number}"'}
        for number, row in enumerate(rows("own", "a", "male", each=9))
    ]
    corpus = Manifest("own", pd.DataFrame([*odd, *rows("own", "b", "male"), *rows("own", "c", "male")]))
    made = table(corpus, FoldSettings(count=3))
    made.write(tmp_path / "folds.csv")
    assert FoldTable.read(tmp_path / "folds.csv", corpus).digest == made.digest


DAMAGES: dict[str, tuple[Callable[[str], str], str]] = {
    "no head": (lambda text: text.partition("\n")[2], r"its first line is no '# \{...\}'"),
    "other format": (
        lambda text: text.replace('"format": 1', '"format": 7'),
        "its first line is not of format 1",
    ),
    "cut": (lambda text: text[: len(text) // 2], "cannot be read|not those of the corpus|has a part"),
    "strange part": (
        lambda text: text.replace(",validation", ",dev", 1),
        "has a part 'dev', allowed are train",
    ),
    "no fold": (lambda text: text.replace("fold_0", "folds"), "its columns are utterance, folds"),
    "other order": (lambda text: text.replace("1F-anger-0", "1F-anger-9"), "not those of the corpus"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path: Path, damage: str) -> None:
    harm, reason = DAMAGES[damage]
    path = tmp_path / "folds.csv"
    table(dialogs()).write(path)
    path.write_text(harm(path.read_text()))
    with pytest.raises(BadFoldFile, match=f"({reason}).*Write one for this corpus"):
        FoldTable.read(path, dialogs())


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadFoldFile, match=r"cannot be opened \(No such file"):
        FoldTable.read(tmp_path / "none.csv", dialogs())


def test_a_file_of_another_manifest_is_refused_with_both_digests(tmp_path: Path) -> None:
    table(dialogs()).write(tmp_path / "folds.csv")
    other = dialogs(each=6)
    with pytest.raises(
        BadFoldFile, match=f"manifest {dialogs().digest[:12]}, and 'dialogs' here has {other.digest[:12]}"
    ):
        FoldTable.read(tmp_path / "folds.csv", other)


def test_an_edited_file_that_leaks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "folds.csv"
    table(dialogs()).write(path)
    path.write_text(path.read_text().replace("1F-anger-0,test", "1F-anger-0,train"))
    with pytest.raises(Leak, match=r"test speaker\(s\) 1F are also in train"):
        FoldTable.read(path, dialogs())
