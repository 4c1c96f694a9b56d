"""`after-ray corpora scan`: every corpus, every setting, all that a study would refuse, in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from after_ray.corpora._base import Scan
from after_ray.corpora._base import corpora as loaders
from after_ray.corpora._contract import Conformity
from after_ray.corpora._settings import CORPUS_NAMES, CremadSettings, IemocapSettings
from after_ray.errors import WrongChecksum
from after_ray.manifest import COLUMNS, Manifest
from sweeps.cli import app
from sweeps.corpora.scanning import _level, check_sums, corpus_settings, scan_corpus
from tests.after_ray.corpora.trees import plant, wav

EMODB = ("wav/03a01Fa.wav", "wav/03a01Nc.wav", "wav/08a01Wa.wav", "wav/08b03Tc.wav", "wav/03a04Ad.wav")
RAVDESS = ("Actor_01/03-01-05-01-01-01-01.wav", "Actor_02/03-01-04-01-01-01-02.wav")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Corpora of a few files, in folders of their names."""
    plant(tmp_path / "corpora" / "emodb", EMODB)
    plant(tmp_path / "corpora" / "ravdess", RAVDESS)
    return tmp_path / "corpora"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    plant(tmp_path / "own", ["a.wav", "b.wav"])
    file = tmp_path / "own" / "own.csv"
    file.write_text("path,speaker,emotion,take\na.wav,s1,anger,1\nb.wav,s2,sad,1\n")
    return file


def scanned(tmp_path: Path, *arguments: object) -> tuple[int, str]:
    """Exit code and output, in which a line break of the terminal counts as a blank."""
    words = ["corpora", "scan", *map(str, arguments), "--store", str(tmp_path / "store")]
    done = CliRunner().invoke(app, words)
    assert "Traceback" not in done.output
    return done.exit_code, " ".join(done.output.split())


def row(*cells: object) -> str:
    return " ".join(f"│ {cell}" for cell in cells) + " │"


def test_every_corpus_that_has_settings_has_a_loader() -> None:
    for name in CORPUS_NAMES:
        assert loaders.resolve(name).__module__ == f"after_ray.corpora.{name}"


def test_a_csv_is_scanned_by_its_settings(tmp_path: Path, table: Path) -> None:
    code, output = scanned(tmp_path, "csv", "--set", f"file={table}", "--set", "called=mine")
    assert code == 0
    assert "mine: utterances by speaker and class" in output
    assert row("s1", 1, 0, 1) in output
    assert "2 utterances" in output
    assert "there is no official release to compare it with" in output
    assert "columns not used: take" in output


def test_a_csv_takes_its_audio_from_another_root(tmp_path: Path, table: Path) -> None:
    moved = table.rename(tmp_path / "moved.csv")
    code, _ = scanned(tmp_path, "csv", "--root", tmp_path / "own", "--set", f"file={moved}")
    assert code == 0


def test_a_csv_that_is_wrong_is_one_sentence_and_leaves_nothing(tmp_path: Path, table: Path) -> None:
    table.write_text("path,emotion\na.wav,anger\n")
    code, output = scanned(tmp_path, "csv", "--set", f"file={table}")
    assert code == 1
    assert output.startswith(f"error: The CSV {table} cannot be used: it lacks the column speaker;")
    assert not (tmp_path / "store").exists()


def test_a_csv_of_one_class_is_shown_and_refused(tmp_path: Path, table: Path) -> None:
    code, output = scanned(
        tmp_path, "csv", "--set", f"file={table}", "--set", "labels={anger: anger, sad: null}"
    )
    assert code == 1
    assert "1 utterance, 0.0 minutes" in output
    assert "not used: sad: 1 file(s)" in output
    assert "1 emotion class: anger; allowed: 2 to 20 classes" in output


def test_an_unlabelled_folder_is_counted_by_speaker(tmp_path: Path, root: Path) -> None:
    (root / "notes.txt").write_text("no audio")
    code, output = scanned(tmp_path, "unlabelled", "--root", root)
    assert code == 0
    assert row("emodb", 5) in output
    assert row("all", 7) in output
    assert "not used: .txt: 1 file(s)" in output
    _, by_file = scanned(tmp_path, "unlabelled", "--root", root, "--set", "speaker=file")
    assert row("emodb/wav/03a01Fa", 1) in by_file


def test_more_speakers_than_somebody_reads_are_counted(tmp_path: Path) -> None:
    root = plant(tmp_path / "many", (f"{i:03d}/a.wav" for i in range(101)))
    code, output = scanned(tmp_path, "unlabelled", "--root", root)
    assert code == 0
    assert row("101 speakers", 101) in output


def test_an_altered_corpus_is_shown_with_all_differences_and_refused(tmp_path: Path, root: Path) -> None:
    code, output = scanned(tmp_path, "emodb", "--root", root / "emodb")
    assert code == 1
    assert row("03", 0, 1, 1, 0, 2) in output
    assert "altered: this is not the official release" in output
    assert "difference: 335 of 339 utterances are missing (03a01Wa, 03a02Fc, " in output
    for emotion, count in {"anger": 127, "happy": 71, "neutral": 79, "sad": 62}.items():
        assert f"difference: class {emotion} has 1 instead of {count} utterances" in output
    assert "difference: 4 utterances have another length" in output
    assert "not used: fear: 1 file(s)" in output
    assert (
        "error: A study would refuse the corpus 'emodb': 6 differences from the official release, named "
        "above; mend that, or set 'altered: accept' in the block of corpus 'emodb'."
    ) in output


def test_unusable_files_and_second_copies_are_named(tmp_path: Path, root: Path) -> None:
    shutil.copytree(root / "emodb" / "wav", root / "emodb" / "again" / "wav")
    (root / "emodb" / EMODB[0]).write_bytes(b"")
    (root / "emodb" / EMODB[1]).write_bytes(wav(1, samples=40))
    code, output = scanned(tmp_path, "emodb", "--root", root / "emodb")
    assert code == 1
    assert "not used: 4 file(s) that hold an utterance a second time, first again/wav/03a01Fa.wav" in output
    assert "unusable: wav/03a01Fa.wav: empty file (0 bytes)" in output
    assert "unusable: wav/03a01Nc.wav: too short: 2.5 ms, at least 25 ms are needed" in output
    assert "2 unusable entries and 6 differences from the official release, named above" in output
    assert "set 'unusable: skip' and 'altered: accept' in the block of corpus 'emodb'." in output


def test_the_complete_corpus_is_told_converted(tmp_path: Path, corpora: Path) -> None:
    code, output = scanned(tmp_path, "emodb", "--root", corpora / "emodb")
    assert code == 0
    assert "converted: names, classes and lengths are those of the official release, codec or " in output
    assert "difference: 339 utterances are flac" in output


def test_what_is_accepted_by_setting_is_shown_and_not_refused(tmp_path: Path, root: Path) -> None:
    (root / "emodb" / EMODB[0]).write_bytes(b"")
    accepted = ["--set", "altered=accept", "--set", "unusable=skip"]
    code, output = scanned(tmp_path, "emodb", "--root", root / "emodb", *accepted)
    assert code == 0, output
    assert "unusable: wav/03a01Fa.wav: empty file (0 bytes)" in output
    assert "difference: 336 of 339 utterances are missing" in output
    code, output = scanned(tmp_path, "emodb", "--root", root / "emodb", *accepted[:2])
    assert code == 1
    assert "'emodb': 1 unusable entry, named above; mend that, or set 'unusable: skip' in the" in output


def test_only_the_members_that_are_not_accepted_are_refused(tmp_path: Path, root: Path) -> None:
    emodb = "{name: emodb, altered: accept}"
    code, output = scanned(tmp_path, "merged", "--root", root, "--set", f"members=[{emodb}, ravdess]")
    assert code == 1
    assert "refuse the corpus 'merged': ravdess has " in output
    members = f"members=[{emodb}, {{name: ravdess, altered: accept}}]"
    assert "members: [emodb, {name: ravdess, altered: accept}]" in output
    code, output = scanned(tmp_path, "merged", "--root", root, "--set", members)
    assert code == 0, output
    assert "ravdess: difference: 670 of 672 utterances are missing" in output


def test_a_corpus_of_which_no_label_is_used_is_one_sentence(tmp_path: Path, root: Path) -> None:
    code, output = scanned(tmp_path, "emodb", "--root", root / "emodb", "--set", "labels.disgust=disgust")
    assert code == 1
    assert (
        "Corpus 'emodb' has no utterance with a used label; found: anger (1), fear (1), happy (1), neutral "
        "(1), sad (1). 'labels' in the block of corpus 'emodb' maps its own labels to classes"
    ) in output


def test_the_official_release_is_told_by_what_was_compared() -> None:
    settings = CremadSettings(root="x")
    columns = dict.fromkeys(COLUMNS, "x") | {"seconds": 1.0, "sample_rate": 16000}
    found = Scan(Manifest("cremad", pd.DataFrame([columns])), conformity=Conformity("official"))
    assert _level(settings, found) == (
        "official: names, classes, lengths and sample rates are those of the official release"
    )
    iemocap = IemocapSettings(root="x")
    assert _level(iemocap, found) == (
        "official: speakers, counts, range of lengths, hours and sample rates are those of the official "
        "release"
    )
    fewer = IemocapSettings(root="x", labels={"anger": "anger", "sad": "sad"})
    assert "speakers, counts, range of lengths and sample rates" in _level(fewer, found)


def test_excluded_utterances_are_counted_and_unknown_ones_refused(tmp_path: Path, root: Path) -> None:
    exclude = ["--set", "exclude=[03a01Fa, 03a01Zz]"]
    code, output = scanned(tmp_path, "emodb", "--root", root / "emodb", *exclude, "--set", "altered=accept")
    assert code == 0
    assert "not used: 1 excluded utterance: 03a01Fa" in output
    assert "note: 'exclude' names what is no used utterance: '03a01Zz' (did you mean '03a01Nc'?)" in output
    code, output = scanned(tmp_path, "emodb", "--root", root / "emodb", *exclude)
    assert code == 1
    assert "and 1 unknown name in 'exclude', named above" in output


def test_a_file_that_cannot_be_read_is_named_and_the_store_is_not_blamed(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside = tmp_path / "store" / "scans" / "x", root / "emodb" / "wav"

    def failing(path: Path) -> Callable[..., object]:
        def fail(*_: object) -> object:
            raise PermissionError(13, "Permission denied", str(path))

        return fail

    monkeypatch.setattr("sweeps.corpora.scanning.scan", failing(outside))
    code, output = scanned(tmp_path, "emodb", "--root", root / "emodb")
    assert code == 1
    assert output == (
        f"error: {outside} cannot be used (Permission denied); check that you may read it, and write "
        "where something is written."
    )
    monkeypatch.setattr("sweeps.corpora.scanning.scan", failing(inside))
    _, output = scanned(tmp_path, "emodb", "--root", root / "emodb")
    assert f"error: {inside} cannot be used (Permission denied); check that you may read it" in output
    assert f"(it belongs to --store {tmp_path / 'store'})" in output


def test_the_example_of_the_help_is_a_setting_that_works(tmp_path: Path, root: Path) -> None:
    option = next(p for p in typer.main.get_command(app).commands["corpora"].commands["scan"].params
                  if p.name == "settings")  # fmt: skip
    example = option.help.partition("--set 'labels=")[2].partition("'")[0]
    _, output = scanned(tmp_path, "emodb", "--root", root / "emodb", "--set", f"labels={example}")
    assert row("all", 1, 1, 2) in output


def test_labels_can_be_set(tmp_path: Path, root: Path) -> None:
    labels = "labels={anger: anger, fear: anger, sad: sad}"
    _, output = scanned(tmp_path, "emodb", "--root", root / "emodb", "--set", labels)
    assert row("all", 2, 1, 3) in output
    assert "not used: happy: 1 file(s)" in output


def test_a_merged_corpus_is_counted_by_member_and_accepted_in_its_members(tmp_path: Path, root: Path) -> None:
    (root / "ravdess" / RAVDESS[0]).write_bytes(b"")
    code, output = scanned(tmp_path, "merged", "--root", root, "--set", "members=[emodb, ravdess]")
    assert code == 1
    assert row("emodb", 1, 1, 1, 1, 4) in output
    assert row("ravdess", 0, 0, 0, 1, 1) in output
    assert "emodb: altered: this is not the official release" in output
    assert "emodb: difference: class anger has 1 instead of 127 utterances" in output
    assert "not used: fear (emodb): 1 file(s)" in output
    assert "unusable: ravdess/Actor_01/03-01-05-01-01-01-01.wav: empty file" in output
    assert (
        "refuse the corpus 'merged': emodb has 6 differences from the official release; ravdess has 1 "
        in (output)
    )
    assert (
        "or accept it in the block of its member: members: [{name: emodb, altered: accept}, {name: ravdess, "
        "unusable: skip, altered: accept}]."
    ) in output


def test_what_is_accepted_for_a_scan_stays_refused_in_the_settings(tmp_path: Path, root: Path) -> None:
    settings = corpus_settings("merged", root, ["members=[emodb, ravdess]"])
    assert len(scan_corpus(settings, tmp_path).members) == 2
    assert {member.altered for member in settings.members} == {"refuse"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["emodbb"], "Unknown corpus 'emodbb'; allowed: cremad, csv, emodb, "),
        (["csv"], "The corpus 'csv' needs its 'file'; say it with --set file=VALUE."),
        (["emodb"], "The corpus 'emodb' needs its 'root'; say it with --root DIR."),
        (["synthetic", "--root", "x"], "The corpus 'synthetic' takes no --root: it is made, not read."),
        (["synthetic", "--set", "speakers=1"], "'synthetic' (speakers): input should be greater than"),
        (["synthetic", "--set", "speakers"], "the override 'speakers' is not of the form key=value"),
        (["synthetic", "--set", "speakers=["], "the value of the override 'speakers=[' is not YAML"),
        (["synthetic", "--set", "speaker=3"], "unknown key 'speaker'; allowed: name, speakers, "),
        (["emodb", "--root", "x", "--set", "labels={joy: happy}"], "(labels): unknown label 'joy' of this"),
        (["csv", "--set", "file=a.csv", "--set", "called=a/b"], "(called): 'a/b' is no name; use letters"),
        (["merged", "--root", "x", "--set", "members=[emodb, emodb]"], "the member emodb is listed twice"),
        (["merged", "--root", "x", "--set", "members=[emodb]"], "1 member(s); merging takes two or more"),
        (["merged", "--root", "x", "--set", "members=[emodb, unlabelled]"], "unknown name 'unlabelled'"),
        (["merged"], "The corpus 'merged' needs its 'root'; say it with --root DIR."),
        (["merged", "--set", "members=[synthetic, {name: csv}]"], "say it with 'file' in members.1.csv."),
        (["merged", "--root", "x", "--set", "test_corpus=savee"], "test_corpus: 'savee' is not a member"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_sentence_and_leaves_nothing(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    code, output = scanned(tmp_path, *arguments)
    assert code == 1
    assert output.startswith("error: ")
    assert sentence in output
    assert not (tmp_path / "store").exists()


def test_other_bytes_than_the_official_ones_are_named(tmp_path: Path) -> None:
    names = ["1001_DFA_ANG_XX", "1001_DFA_HAP_XX", "1002_DFA_NEU_XX", "1002_DFA_SAD_XX"]
    made_up = plant(tmp_path / "cremad", (f"AudioWAV/{name}.wav" for name in names))
    settings = CremadSettings(root=str(made_up))
    with pytest.raises(
        WrongChecksum, match=r"4 of 4 files of 'cremad' have another SHA-256 .*1001_DFA_ANG_XX"
    ):
        check_sums(settings, scan_corpus(settings, tmp_path / "scans"))
    code, output = scanned(tmp_path, "cremad", "--root", settings.root, "--checksums")
    assert code == 1
    assert "fetch them again (only the original wav files can agree, never a conversion)." in output


def test_official_bytes_agree(tmp_path: Path, corpora: Path) -> None:
    code, output = scanned(tmp_path, "cremad", "--root", corpora / "originals" / "cremad", "--checksums")
    assert code == 1  # eight files of 4900
    assert "checksums: 7 files of cremad are the official ones, bit by bit" in output
    assert "left out, as unusable in the official release: AudioWAV/1076_MTI_SAD_XX.wav: silent" in output


def test_members_with_published_checksums_are_compared(tmp_path: Path, corpora: Path, root: Path) -> None:
    originals = f"{{name: cremad, root: {corpora / 'originals' / 'cremad'}, altered: accept}}"
    emodb = f"{{name: emodb, root: {root / 'emodb'}, altered: accept}}"
    code, output = scanned(tmp_path, "merged", "--set", f"members=[{emodb}, {originals}]", "--checksums")
    assert code == 0, output
    assert "checksums: 7 files of cremad are the official ones, bit by bit" in output
    assert "files of emodb are" not in output


@pytest.mark.parametrize("name", ["emodb", "csv"])
def test_checksums_nobody_published_are_refused(name: str, tmp_path: Path, root: Path, table: Path) -> None:
    place = (
        ["--root", root / "emodb"] if name == "emodb" else ["--set", f"file={table}", "--set", "called=csv"]
    )
    code, output = scanned(tmp_path, name, *place, "--checksums")
    assert code == 1
    assert f"No checksums are published for the corpus '{name}'; allowed: cremad." in output


def test_votes_are_counted_with_their_agreement(tmp_path: Path, table: Path) -> None:
    plant(tmp_path / "own", ["a.wav", "b.wav", "c.wav"])
    rows = ("a.wav,s1,anger,anger=3 sad=1", "b.wav,s2,sad,anger=2 sad=1", "c.wav,s2,sad,sad=4")
    table.write_text("\n".join(["path,speaker,emotion,votes", *rows]))
    code, output = scanned(tmp_path, "csv", "--set", f"file={table}")
    assert code == 0
    assert "votes: 1 utterance with 3, 2 utterances with 4; mean agreement 80.6%" in output
    assert "votes: 1 utterance has more votes for another class than for its own" in output
    table.write_text(table.read_text().replace("anger=2 sad=1", "odd=2"))
    labels = "labels={anger: anger, sad: sad, odd: null}"
    code, output = scanned(tmp_path, "csv", "--set", f"file={table}", "--set", labels)
    assert code == 0
    assert "votes: 2 utterances with 4; mean agreement 87.5%" in output
    assert "named nothing that is used" not in output
    assert "another class" not in output
    assert "not used: no vote for a used class: 1 file(s)" in output
    table.write_text(table.read_text().replace("sad=4", "sad=4 odd=3"))
    code, output = scanned(tmp_path, "csv", "--set", f"file={table}", "--set", labels)
    assert "votes: 2 utterances with 4; mean agreement 87.5%" in output
    assert "votes: 3 of 11 annotators named nothing that is used" in output


def test_a_corpus_without_votes_says_nothing_of_them(tmp_path: Path, table: Path) -> None:
    code, output = scanned(tmp_path, "csv", "--set", f"file={table}")
    assert code == 0
    assert "votes" not in output


def test_each_member_has_its_own_votes(tmp_path: Path, root: Path, table: Path) -> None:
    table.write_text("path,speaker,emotion,votes\na.wav,s1,anger,anger=3\nb.wav,s2,sad,sad=1 anger=1\n")
    members = f"members=[{{name: emodb, altered: accept}}, {{name: csv, file: {table}}}]"
    code, output = scanned(tmp_path, "merged", "--root", root, "--set", members)
    assert code == 0, output
    assert "own: votes: 1 utterance with 2, 1 utterance with 3; mean agreement 75.0%" in output
    assert "emodb: votes" not in output


def test_a_study_by_votes_is_told_what_was_not_compared(tmp_path: Path) -> None:
    (tmp_path / "processedResults").mkdir()
    (tmp_path / "processedResults" / "tabulatedVotes.csv").write_text(
        '"","A","D","F","H","N","S","fileName"\n"100001",0,0,0,1,10,0,"1001_IEO_NEU_XX"\n'
    )
    columns = dict.fromkeys(COLUMNS, "x") | {"seconds": 1.0, "sample_rate": 16000}
    found = Scan(Manifest("cremad", pd.DataFrame([columns])), conformity=Conformity("official"))
    settings = CremadSettings(root=str(tmp_path), votes="voice", label_by="votes")
    assert _level(settings, found) == (
        "official: names, lengths and sample rates are those of the official release"
    )


def test_members_that_are_not_there_are_named_before_their_votes_are(tmp_path: Path, root: Path) -> None:
    cremad = "{name: cremad, votes: voice, label_by: votes}"
    members = f"members=[{{name: emodb, altered: accept}}, {cremad}]"
    code, output = scanned(tmp_path, "merged", "--root", root, "--set", members)
    assert code == 1
    assert f"lacks 1 of its 2 members: cremad ({root / 'cremad'})" in output
