"""Results travel from store to store whole and checked, and replace nothing."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import MODEL_FILE, FileEntry, Record, Store
from after_ray.store.archive import ExistingFile, NothingWhole, export_results
from after_ray.store.census import Census
from after_ray.store.code_states import code_file, digest_of_code
from after_ray.store.garbage import find_garbage
from after_ray.store.merging import Merged, NotImportable, merge_store
from after_ray.store.unpacking import merge_archive
from after_ray.store.usage import ORPHANS
from tests.after_ray.store.filled import age, everything, filled, put

Move = Callable[[Store, Store], Merged]


def by_archive(source: Store, target: Store) -> Merged:
    return merge_archive(target, exported(source, source.root.parent / "moved.tar"))


def by_folder(source: Store, target: Store) -> Merged:
    return merge_store(target, source)


def exported(source: Store, out: Path) -> Path:
    out.unlink(missing_ok=True)
    census = Census.of(source)
    export_results(source, census.records.keys(), census, out)
    return out


both_ways = pytest.mark.parametrize("move", [by_archive, by_folder])


def results(store: Store) -> dict[str, object]:
    """Every record but for its folder, and what is in the files that it still has."""
    found: dict[str, object] = {}
    for key in store.ledger.finished():
        record = store.need(key)
        kept = [name for name in record.files if store.has(record, name)]
        found[key] = (
            replace(record, folder=""),
            {name: store.path(record, name).read_bytes() for name in kept},
        )
    return found


@both_ways
def test_everything_arrives_as_it_was_and_a_second_time_changes_nothing(move: Move, tmp_path: Path) -> None:
    source, records = filled(tmp_path / "laptop")
    target = Store(tmp_path / "cluster")
    before = everything(source.root)
    assert move(source, target) == Merged(imported=4)
    assert results(target) == results(source)
    assert not target.has(records[2], MODEL_FILE), "weights that were dropped are not made up"
    assert everything(source.root) == before
    arrived = everything(target.root)
    assert move(source, target) == Merged(standing=4)
    assert everything(target.root) == arrived
    assert not list(target.root.rglob("*.tmp"))


@both_ways
def test_what_has_other_bits_here_stays_and_what_rests_on_the_others_is_left_out(
    move: Move, tmp_path: Path
) -> None:
    source, _ = filled(tmp_path / "laptop")
    target, here = Store(tmp_path / "cluster"), filled(tmp_path / "elsewhere", audio=b"noise" * 100)[1][0]
    put(target, "audio", {"manifest": "one"}, audio_npy=b"noise" * 100)
    put(source, "features", {"of": "nothing"}, features_npy=b"f")
    merged = move(source, target)
    assert (merged.imported, merged.standing, merged.left_out) == (1, 0, 3)
    (sentence,) = merged.differing
    assert sentence.startswith(
        f"the audio result {here.key[:12]} is here with other bits (audio.npy); what is"
    )
    kept = target.need(here.key)
    assert target.path(kept, "audio.npy").read_bytes() == b"noise" * 100
    assert len(target.ledger.finished()) == 2


@both_ways
@pytest.mark.parametrize("field", ["measures", "details"])
def test_other_measures_or_picks_are_other_bits(move: Move, field: str, tmp_path: Path) -> None:
    source, target = Store(tmp_path / "a"), Store(tmp_path / "b")
    record = Record("d" * 32, "round", {}, measures={"ua": 0.5}, details={"acquired": ["x"], "warnings": []})
    target.ledger.add(record)
    other = {"measures": {"ua": 0.6}, "details": {"acquired": ["y"]}}[field]
    source.ledger.add(replace(record, **{field: other}))  # type: ignore[arg-type]
    assert len(move(source, target).differing) == 1
    assert target.need(record.key) == record


@both_ways
def test_the_code_of_results_comes_with_them(move: Move, tmp_path: Path) -> None:
    source, target = Store(tmp_path / "a"), Store(tmp_path / "b")
    state = {"commit": "c0ffee", "difference": "", "packages": {"torch": "2.13.0"}}
    code = digest_of_code(state)
    source.place.write(code_file(code), json.dumps(state).encode())
    source.ledger.add(Record("d" * 32, "round", {}, environment={"provenance": code}))
    move(source, target)
    assert json.loads(target.place.read(code_file(code))) == state


def test_an_export_has_what_was_asked_for_and_what_it_rests_on(tmp_path: Path) -> None:
    source, (sound, features, first, _) = filled(tmp_path / "laptop")
    census = Census.of(source)
    export_results(source, census.with_parents([first.key]), census, tmp_path / "part.tar")
    target = Store(tmp_path / "cluster")
    merge_archive(target, tmp_path / "part.tar")
    assert target.ledger.finished() == {sound.key, features.key, first.key}


def test_an_export_replaces_no_file(tmp_path: Path) -> None:
    source, _ = filled(tmp_path / "laptop")
    study = tmp_path / "study.yaml"
    study.write_text("study: precious")
    with pytest.raises(ExistingFile, match="is there already"):
        export_results(source, (), Census.of(source), study)
    assert study.read_text() == "study: precious"


@pytest.mark.parametrize("damage", ["flipped", "shorter", "gone", "record"])
def test_an_export_leaves_out_what_is_damaged_and_what_rests_on_it(damage: str, tmp_path: Path) -> None:
    source, records = filled(tmp_path / "laptop")
    _, (sound, *_) = filled(tmp_path / "laptop", name="two")
    do_damage(damage, source, records[2], "predictions.x")
    census = Census.of(source)
    told = export_results(
        source, census.records.keys() | census.unreadable.keys(), census, tmp_path / "out.tar"
    )
    assert told.results == 6
    assert list(told.left_out) == [records[2].key, records[3].key], "the cause first"
    first, second = told.left_out.values()
    assert records[2].key in first
    assert f"{records[3].key} rests on {records[2].key}" in second
    target = Store(tmp_path / "cluster")
    assert merge_archive(target, tmp_path / "out.tar") == Merged(imported=6)
    assert target.find(sound.key)
    assert merge_archive(target, tmp_path / "out.tar") == Merged(standing=6)


def do_damage(damage: str, store: Store, record: Record, name: str) -> None:
    path = store.path(record, name)
    if damage == "gone":
        path.unlink()
    elif damage == "record":
        record_file(store, record).write_bytes(b"")
    else:
        path.write_bytes(b"P" if damage == "flipped" else b"")


def record_file(store: Store, record: Record) -> Path:
    return store.root / "ledger" / record.key[:2] / f"{record.key}.json"


@pytest.mark.parametrize("damage", ["flipped", "shorter", "gone", "record"])
def test_an_export_of_which_nothing_is_whole_leaves_no_file(damage: str, tmp_path: Path) -> None:
    source, (sound, *_) = filled(tmp_path / "laptop", audio=b"p")
    do_damage(damage, source, sound, "audio.npy")
    census = Census.of(source)
    with pytest.raises(NothingWhole, match=f"None of the 4 results .*the first: .*{sound.key}"):
        export_results(source, census.records.keys() | {sound.key}, census, tmp_path / "out.tar")
    assert [each.name for each in tmp_path.iterdir()] == ["laptop"]


def test_an_export_of_a_study_is_not_troubled_by_damage_elsewhere(tmp_path: Path) -> None:
    source, (sound, *_) = filled(tmp_path / "laptop")
    _, (_, _, other, _) = filled(tmp_path / "laptop", name="two")
    do_damage("record", source, other, "predictions.x")
    told = export_results(source, [sound.key], Census.of(source), tmp_path / "out.tar")
    assert (told.results, told.left_out) == (1, {})


def test_an_export_of_what_rests_on_a_damaged_record_names_that(tmp_path: Path) -> None:
    source, (sound, features, *_) = filled(tmp_path / "laptop")
    _, (other, *_) = filled(tmp_path / "laptop", name="two")
    do_damage("record", source, sound, "audio.npy")
    told = export_results(source, [features.key, other.key], Census.of(source), tmp_path / "out.tar")
    assert told.results == 1
    assert list(told.left_out) == [sound.key, features.key]


def test_an_archive_is_a_tar_file_for_others_too(tmp_path: Path) -> None:
    source, _ = filled(tmp_path / "laptop")
    archive = exported(source, tmp_path / "whole.tar")
    assert archive.stat().st_size % tarfile.RECORDSIZE == 0
    listed = subprocess.run(["tar", "-tf", archive], capture_output=True, text=True, check=True)
    assert listed.stderr == ""
    assert len(listed.stdout.splitlines()) == len(unpacked(archive)) == 11


def test_flipped_bits_of_what_is_here_already_are_noticed(tmp_path: Path) -> None:
    source, _ = filled(tmp_path / "laptop")
    archive = exported(source, tmp_path / "moved.tar")
    merge_archive(target := Store(tmp_path / "cluster"), archive)
    before = everything(target.root)
    archive.write_bytes(archive.read_bytes().replace(b"framesframes", b"framesFRAMES", 1))
    with pytest.raises(NotImportable, match=r"features\.npy.* is not what its record says"):
        merge_archive(target, archive)
    assert everything(target.root) == before


def test_records_of_another_store_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    source, (_, _, first, _) = filled(tmp_path / "laptop")
    record_file(source, first).write_bytes(b"")
    merged = merge_store(Store(tmp_path / "cluster"), source)
    assert (merged.imported, merged.left_out) == (2, 1)
    (sentence,) = merged.unreadable
    assert first.key in sentence


@both_ways
def test_a_damaged_file_is_not_taken_nor_what_rests_on_it_and_all_before_stays(
    move: Move, tmp_path: Path
) -> None:
    source, (sound, features, *_) = filled(tmp_path / "laptop")
    target = Store(tmp_path / "cluster")
    if move is by_archive:
        archive = exported(source, tmp_path / "moved.tar")
        archive.write_bytes(archive.read_bytes().replace(b"framesframes", b"framesFRAMES", 1))
        with pytest.raises(NotImportable, match=r"features\.npy"):
            merge_archive(target, archive)
    else:
        source.path(features, "features.npy").write_bytes(b"FRAMES" * 50)
        with pytest.raises(NotImportable, match=r"features\.npy"):
            move(source, target)
    assert target.ledger.finished() == {sound.key}
    assert len(list((target.root / "artifacts").rglob("*.npy"))) == 1, "no half result"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_an_archive_that_ends_early_leaves_whole_results_and_can_be_repeated(
    share: float, tmp_path: Path
) -> None:
    source, _ = filled(tmp_path / "laptop")
    whole = exported(source, tmp_path / "whole.tar").read_bytes()
    end = whole.rindex(b'"results"')  # what follows is padding
    (tmp_path / "part.tar").write_bytes(whole[: int(share * end)])
    target = Store(tmp_path / "cluster")
    with pytest.raises(NotImportable, match=r"damaged|ends early"):
        merge_archive(target, tmp_path / "part.tar")
    assert results(target).items() <= results(source).items()
    merge_archive(target, tmp_path / "whole.tar")
    assert results(target) == results(source)


def test_an_archive_cut_between_two_results_is_noticed(tmp_path: Path) -> None:
    source, _ = filled(tmp_path / "laptop")
    members = unpacked(exported(source, tmp_path / "whole.tar"))
    packed(tmp_path / "part.tar", members[:-4])
    with pytest.raises(NotImportable, match="ends early"):
        merge_archive(Store(tmp_path / "cluster"), tmp_path / "part.tar")


Members = list[tuple[tarfile.TarInfo, bytes]]


def unpacked(path: Path) -> Members:
    with tarfile.open(path) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def packed(path: Path, members: Members) -> Path:
    with tarfile.open(path, "w") as tar:
        for member, data in members:
            member.size = len(data) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return path


def renamed(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, b"evil"


KEY = "d" * 32
UNKNOWN, PLACE, PLAIN = "nothing that an export writes", "in a wrong place", "no plain file"
EVIL = {
    "above": (renamed("../evil"), UNKNOWN),
    "absolute": (renamed("/tmp/evil"), UNKNOWN),
    "above in a result": (renamed(f"results/{KEY}/files/../../evil"), UNKNOWN),
    "hidden": (renamed(f"results/{KEY}/files/.evil"), UNKNOWN),
    "link": (renamed(f"results/{KEY}/record.json", tarfile.SYMTYPE, "after-ray-store.json"), PLAIN),
    "hard link": (renamed(f"results/{KEY}/record.json", tarfile.LNKTYPE, "after-ray-store.json"), PLAIN),
    "folder": (renamed(f"results/{KEY}", tarfile.DIRTYPE), PLAIN),
    "device": (renamed("null", tarfile.CHRTYPE), PLAIN),
    "unknown": (renamed("README"), UNKNOWN),
    "second header": (renamed("after-ray-store.json"), PLACE),
    "file before its record": (renamed(f"results/{KEY}/files/evil"), "where a record should"),
    "no record": (renamed(f"results/{KEY}/record.json"), "damaged"),
    "other code": ((tarfile.TarInfo(f"provenance/{'0' * 16}.json"), b"{}"), "damaged"),
}


@pytest.mark.parametrize(("evil", "problem"), EVIL.values(), ids=EVIL.keys())
def test_what_no_export_writes_is_refused_and_written_nowhere(
    evil: tuple[tarfile.TarInfo, bytes], problem: str, tmp_path: Path
) -> None:
    source, _ = filled(tmp_path / "laptop")
    members = unpacked(exported(source, tmp_path / "whole.tar"))
    packed(tmp_path / "evil.tar", [members[0], evil, *members[1:]])
    target = Store(tmp_path / "cluster")
    with pytest.raises(NotImportable, match=problem):
        merge_archive(target, tmp_path / "evil.tar")
    assert everything(target.root) == {}


def test_a_file_that_its_record_does_not_announce_is_refused(tmp_path: Path) -> None:
    source, (sound, *_) = filled(tmp_path / "laptop")
    members = unpacked(exported(source, tmp_path / "whole.tar"))
    packed(tmp_path / "evil.tar", [*members[:3], renamed(f"results/{sound.key}/files/evil"), *members[3:]])
    target = Store(tmp_path / "cluster")
    with pytest.raises(NotImportable, match="more files in it than it announces"):
        merge_archive(target, tmp_path / "evil.tar")
    assert everything(target.root) == {}


def test_a_record_under_another_key_is_refused(tmp_path: Path) -> None:
    source, target = Store(tmp_path / "a"), Store(tmp_path / "b")
    source.ledger.add(Record("e" * 32, "round", {}))
    archive = exported(source, tmp_path / "evil.tar")
    members = unpacked(archive)
    members[1] = (members[1][0], members[1][1].replace(b"e" * 32, b"d" * 32))
    with pytest.raises(NotImportable, match="the record of another result"):
        merge_archive(target, packed(archive, members))


Told = dict[str, object]


def with_record(change: Callable[[Told, Told], object], path: Path, source: Store) -> Path:
    """An archive whose first record, and the list of its files, were tampered with."""
    members = unpacked(exported(source, path))
    member, data = members[1]
    told = json.loads(data)
    change(told, told["record"])
    members[1] = (member, json.dumps(told).encode())
    path.unlink()
    return packed(path, members)


TAMPERED: dict[str, Callable[[Told, Told], object]] = {
    "file outside": lambda told, record: record.update(files={"../x": {"sha256": "", "bytes": 0}}),
    "another format": lambda told, record: record.update(format=99),
    "no list": lambda told, record: told.pop("files"),
    "fewer files": lambda told, record: told.update(files=[]),
    "other files": lambda told, record: told.update(files=["audio.npy", "more"]),
    "twice": lambda told, record: told.update(files=["audio.npy", "audio.npy"]),
    "nested": lambda told, record: told.update(files=[["audio.npy"]]),
    "other digest": lambda told, record: record.update(files={"audio.npy": {"sha256": "0", "bytes": 500}}),
    "no record": lambda told, record: told.update(record=[1]),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_record_that_was_tampered_with_is_refused(change: Callable[..., object], tmp_path: Path) -> None:
    source, _ = filled(tmp_path / "laptop")
    target = Store(tmp_path / "cluster")
    with pytest.raises(NotImportable):
        merge_archive(target, with_record(change, tmp_path / "evil.tar", source))
    assert [path for path in target.root.rglob("*") if path.is_file()] == []


ELSEWHERE = {
    "above": {"folder": "../precious"},
    "absolute": {"folder": "/etc"},
    "round about": {"folder": "artifacts/../../precious"},
    "another folder": {"folder": "ledger"},
    "of another": {"folder": f"artifacts/ee/{'e' * 32}-00ff"},
    "no folder": {"files": {"x": FileEntry("", 0)}},
    "file above": {"folder": f"artifacts/dd/{KEY}-00ff", "files": {"../x": FileEntry("", 0)}},
}


@pytest.mark.parametrize("names", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_a_store_whose_record_names_files_elsewhere_is_refused(names: dict[str, Any], tmp_path: Path) -> None:
    source = Store(tmp_path / "evil")
    source.ledger.add(Record(KEY, "round", {}, **names))
    with pytest.raises(NotImportable, match="outside its own folder"):
        merge_store(Store(tmp_path / "mine"), source)


@pytest.mark.parametrize("name", ["empty.tar", "text.tar", "folder"])
def test_what_is_no_archive_and_no_store_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        path.write_text("" if name == "empty.tar" else "no archive at all " * 100)
    mine = Store(tmp_path / "mine")
    with pytest.raises(NotImportable, match="Allowed are a store, or a file of 'after-ray store export'"):
        _ = merge_store(mine, Store(path)) if path.is_dir() else merge_archive(mine, path)


def test_a_result_without_what_it_rests_on_is_left_out(tmp_path: Path) -> None:
    source = Store(tmp_path / "a")
    source.ledger.add(Record("d" * 32, "round", {}, ("e" * 32,)))
    assert by_folder(source, Store(tmp_path / "b")) == Merged(left_out=1, _refused={"d" * 32})


DYING = """\
import os, sys
from pathlib import Path
from after_ray.store import Store
from after_ray.store.unpacking import merge_archive
adopt, left = Store.adopt, iter(range(2))
Store.adopt = lambda *arguments: adopt(*arguments) if next(left, None) is not None else os._exit(9)
merge_archive(Store(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.chaos
def test_a_killed_import_leaves_whole_results_and_is_gone_on_with(tmp_path: Path) -> None:
    source, _ = filled(tmp_path / "laptop")
    target = Store(tmp_path / "cluster")
    archive = exported(source, tmp_path / "moved.tar")
    died = subprocess.run([sys.executable, "-c", DYING, target.root, archive], timeout=60)
    assert died.returncode == 9
    assert len(target.ledger.finished()) == 2
    assert results(target).items() <= results(source).items()
    assert merge_archive(target, archive) == Merged(imported=2, standing=2)
    assert results(target) == results(source)
    age(target.root, 2)
    (left,) = find_garbage(target)
    assert left.what == ORPHANS, "files of the result that it died over"
