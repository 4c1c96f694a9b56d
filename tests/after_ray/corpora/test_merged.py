"""Several corpora as one: their members, what tells them apart, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from after_ray.corpora import _base
from after_ray.corpora._base import Scan, open_source, scan
from after_ray.corpora._contract import Conformity
from after_ray.corpora._settings import (
    FOUR_CLASSES,
    SIX_CORPORA,
    CsvSettings,
    EmodbSettings,
    MergedSettings,
    SyntheticSettings,
)
from after_ray.errors import AfterRayError, AlteredCorpus, MissingCorpus, UntestedClasses
from tests.after_ray.corpora.trees import plant

EMODB = ("wav/03a01Fa.wav", "wav/03a01Nc.wav", "wav/08a01Wa.wav", "wav/03a04Ad.wav")
RAVDESS = ("Actor_01/03-01-05-01-01-01-01.wav", "Actor_02/03-01-04-01-01-01-02.wav")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    plant(tmp_path / "corpora" / "emodb", EMODB)
    plant(tmp_path / "corpora" / "ravdess", RAVDESS)
    return tmp_path / "corpora"


def member(root: Path, name: str, **values: Any) -> dict[str, Any]:
    """A member that is a few files, which the official one is not."""
    return {"name": name, "root": str(root / name), "altered": "accept", **values}


def two(root: Path, **values: Any) -> MergedSettings:
    members = [member(root, "emodb"), member(root, "ravdess")]
    return MergedSettings.model_validate({"members": members, **values})


def scanned(root: Path, settings: MergedSettings) -> Scan:
    return scan(settings, root.parent / "cache")


def merged(**values: Any) -> MergedSettings:
    return MergedSettings.model_validate({"root": "/corpora", **values})


def test_members_are_the_six_corpora_in_folders_of_their_names() -> None:
    found = merged()
    assert [member.name for member in found.members] == list(SIX_CORPORA)
    assert [member.root for member in found.members] == [f"/corpora/{name}" for name in SIX_CORPORA]
    assert (found.title, found.test_corpus, found.own_folds) == ("merged", "iemocap", "sessions")


def test_members_are_named_or_described_and_keep_a_root_of_their_own() -> None:
    described = {"name": "ravdess", "root": "/elsewhere", "labels": {"calm": "neutral", "sad": "sad"}}
    found = merged(members=["emodb", described])
    assert [member.root for member in found.members] == ["/corpora/emodb", "/elsewhere"]
    assert found.members[1].labels == {"calm": "neutral", "sad": "sad"}
    assert (found.test_corpus, found.own_folds) == ("emodb", "speaker_groups")


def test_a_csv_and_the_synthetic_corpus_can_be_members_and_take_no_root() -> None:
    found = merged(members=["synthetic", {"name": "csv", "file": "/a/own.csv"}], test_corpus="own")
    assert [member.title for member in found.members] == ["synthetic", "own"]
    assert found.members[1].root is None


def test_presets_choose_members_and_labels() -> None:
    clean = {member.name: member.labels for member in merged().members}
    assert clean["emodb"] == clean["ravdess"] == FOUR_CLASSES
    assert clean["iemocap"] == {**FOUR_CLASSES, "excited": "happy"}
    table1 = {member.name: member.labels for member in merged(preset="paper_table1").members}
    assert table1 == {**clean, "emodb": {**FOUR_CLASSES, "fear": "anger"}}
    published = merged(preset="repo_json")
    assert [member.name for member in published.members] == [name for name in SIX_CORPORA if name != "emodb"]
    assert {m.name: m.exclude for m in published.members if m.exclude} == {"shemo": ("M02A14", "M55H01")}
    assert [merged(preset=name).title for name in ("paper_table1", "repo_json", "six_corpora")] == [
        "paper_table1",
        "repo_json",
        "merged",
    ]


def test_a_members_own_labels_win_over_the_presets() -> None:
    others = [name for name in SIX_CORPORA if name != "emodb"]
    found = merged(preset="paper_table1", members=[*others, {"name": "emodb", "labels": {"sad": "sad"}}])
    assert found.members[-1].labels == {"sad": "sad"}


@pytest.mark.parametrize("preset", ["six_corpora", "paper_table1", "repo_json"])
def test_a_preset_has_its_own_members_only(preset: str) -> None:
    with pytest.raises(
        ValidationError, match=rf"the preset {preset} has the members iemocap, .*leave 'preset'"
    ):
        merged(preset=preset, members=["emodb", "ravdess"])


def test_members_of_ones_own_are_no_preset() -> None:
    assert merged(members=["emodb", "ravdess"]).preset == "own"
    assert merged(preset="merged_grouped", members=["emodb", "ravdess"]).title == "merged_grouped"


def test_classes_that_are_trained_on_and_never_tested_are_refused(root: Path) -> None:
    labels = {"anger": "anger", "sad": "sad", "calm": "relaxed"}
    members = [member(root, "emodb"), member(root, "ravdess", labels=labels)]
    with pytest.raises(
        UntestedClasses, match=r"'ravdess' of corpus 'merged' has classes that .*: relaxed\. Map"
    ):
        scanned(root, MergedSettings.model_validate({"members": members}))


def test_every_member_is_tested_with_merged_grouped() -> None:
    found = merged(preset="merged_grouped")
    assert (found.test_corpus, found.own_folds) == ("", "speaker_groups")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"members": ["emodb"]}, "1 member.s.; merging takes two or more"),
        ({"members": ["emodb", "ravdess", "emodb"]}, "the member emodb is listed twice"),
        (
            {"members": ["emodb", "ravdess"], "test_corpus": "savee"},
            "test_corpus: 'savee' is not a member; name one of emodb, ravdess",
        ),
        (
            {"members": ["ravdess", "cremad"]},
            "test_corpus: none is named, and neither iemocap nor emodb is a member; name one",
        ),
        ({"preset": "merged_grouped", "test_corpus": "emodb"}, "tests every member; name no test_corpus"),
        ({"preset": "paper"}, "'six_corpora', 'paper_table1', 'repo_json', 'merged_grouped' or 'own'"),
        ({"members": ["emodb", "unlabelled"]}, "unlabelled"),
        ({"root": None, "members": ["emodb", "ravdess"]}, "Field required"),
    ],
)  # fmt: skip
def test_members_that_do_not_fit_together_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        merged(**values)


def test_ids_stay_those_of_the_members_and_speakers_are_told_apart(root: Path) -> None:
    table = scanned(root, two(root)).manifest.table
    assert list(table["utterance"]) == [
        "emodb/03a01Fa", "emodb/03a01Nc", "emodb/08a01Wa",
        "ravdess/03-01-04-01-01-01-02", "ravdess/03-01-05-01-01-01-01",
    ]  # fmt: skip
    assert list(table["speaker"]) == ["emodb/03", "emodb/03", "emodb/08", "ravdess/02", "ravdess/01"]
    assert set(table["sentence"]) == {"emodb/a01", "ravdess/01"}
    assert set(table["session"]) == {""}  # what is unknown stays unknown
    assert table["path"][3] == "ravdess/Actor_02/03-01-04-01-01-01-02.wav"


def test_the_rows_of_a_member_are_those_of_its_own_scan(root: Path) -> None:
    found = scanned(root, two(root))
    alone = scan(EmodbSettings.model_validate(member(root, "emodb")), root.parent / "alone").manifest
    columns = ["utterance", "gender", "emotion", "seconds", "sample_rate", "audio"]
    of_emodb = found.manifest.table[found.manifest.sources == "emodb"]
    assert of_emodb[columns].equals(alone.table[columns])
    assert [scan.manifest.corpus for scan in found.members] == ["emodb", "ravdess"]
    assert found.members[0].manifest.digest == alone.digest


def test_the_same_speaker_of_two_tables_is_two_speakers(tmp_path: Path) -> None:
    members = []
    for name in ("one", "two"):
        plant(tmp_path / name, ["a.wav", "b.wav"])
        (tmp_path / name / "list.csv").write_text("path,speaker,emotion\na.wav,s1,sad\nb.wav,s1,anger\n")
        members.append({"name": "csv", "file": str(tmp_path / name / "list.csv"), "called": name})
    settings = MergedSettings.model_validate({"members": members, "test_corpus": "two"})
    table = scan(settings, tmp_path / "cache").manifest.table
    assert list(table["utterance"]) == ["one/a", "one/b", "two/a", "two/b"]
    assert set(table["speaker"]) == {"one/s1", "two/s1"}


def test_what_members_leave_out_and_note_is_told_with_their_name(root: Path, tmp_path: Path) -> None:
    plant(root / "emodb", ["again/wav/03a01Fa.wav"])
    plant(tmp_path / "own", ["a.wav"])
    (tmp_path / "own" / "own.csv").write_text(
        "path,speaker,emotion,take\na.wav,s1,sad,1\ngone.wav,s1,sad,1\n"
    )
    own = {"name": "csv", "file": str(tmp_path / "own" / "own.csv"), "unusable": "skip"}
    settings = MergedSettings.model_validate({"members": [member(root, "emodb"), own]})
    found = scanned(root, settings)
    assert found.ignored == {"fear (emodb)": 1}
    assert found.copies == ("emodb/again/wav/03a01Fa.wav",)
    assert found.notes == ("own: columns not used: take",)
    assert [path for path, _ in found.problems] == ["own/gone.wav"]


def test_audio_is_read_through_the_member(root: Path) -> None:
    settings = two(root)
    corpus = open_source(settings)
    table = scanned(root, settings).manifest.table
    assert [corpus.read(path).digest for path in table["path"]] == list(table["audio"])
    with pytest.raises(AfterRayError, match=r"'savee/a\.wav' is in none of the members emodb, ravdess"):
        corpus.read("savee/a.wav")


def test_a_missing_member_is_named_with_its_folder(root: Path) -> None:
    members = [member(root, "emodb"), member(root, "cremad")]
    with pytest.raises(
        MissingCorpus, match=rf"Corpus 'cremad' was not found in {root}/cremad; expected AudioWAV/"
    ):
        scanned(root, MergedSettings.model_validate({"members": members}))


def test_an_altered_member_is_refused_by_its_own_name(root: Path) -> None:
    members = [member(root, "emodb"), member(root, "ravdess", altered="refuse")]
    with pytest.raises(AlteredCorpus, match="Corpus 'ravdess' is not the official one: 670 of 672"):
        scanned(root, MergedSettings.model_validate({"members": members}))


def test_conformity_is_that_of_the_worst_member(root: Path, corpora: Path) -> None:
    whole = {"name": "emodb", "root": str(corpora / "emodb")}
    made = {"name": "synthetic", "speakers": 2, "sentences": 1}
    fine = scanned(root, MergedSettings.model_validate({"members": [made, whole]}))
    assert fine.conformity == Conformity("converted", ("emodb: 339 utterances are flac",))
    members = [whole, member(root, "ravdess")]
    found = scanned(root, MergedSettings.model_validate({"members": members}))
    assert [scan.conformity.level for scan in found.members] == ["converted", "altered"]
    assert found.conformity.level == "altered"
    clauses = found.members[1].conformity.differences
    assert clauses[0].startswith("670 of 672 utterances are missing")
    assert found.conformity.differences == tuple(f"ravdess: {clause}" for clause in clauses)


def test_a_member_that_was_scanned_alone_is_not_decoded_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(EmodbSettings.model_validate(member(root, "emodb")), root.parent / "cache")
    listen, heard = _base._listen, []
    monkeypatch.setattr(_base, "_listen", lambda corpus, path: heard.append(path) or listen(corpus, path))
    first = scanned(root, two(root)).manifest.digest
    assert sorted(heard) == sorted(RAVDESS)
    heard.clear()
    assert scanned(root, two(root)).manifest.digest == first
    assert heard == []


def test_the_order_of_members_changes_nothing(root: Path) -> None:
    turned = MergedSettings(members=tuple(reversed(two(root).members)))
    assert scanned(root, turned).manifest.digest == scanned(root, two(root)).manifest.digest


def test_members_with_equal_names_are_refused() -> None:
    with pytest.raises(ValidationError, match="the member synthetic is listed twice"):
        MergedSettings(members=(SyntheticSettings(), CsvSettings(file="a.csv", called="synthetic")))


def test_members_with_votes_keep_them_and_those_without_have_none(tmp_path: Path) -> None:
    members = []
    for name, votes in (("one", ("sad=2", "anger=2 sad=1")), ("two", ("", ""))):
        plant(tmp_path / name, ["a.wav", "b.wav"])
        lines = (
            f"{file},s1,{emotion},{cell}"
            for file, emotion, cell in zip(("a.wav", "b.wav"), ("sad", "anger"), votes, strict=True)
        )
        (tmp_path / name / "list.csv").write_text("\n".join(["path,speaker,emotion,votes", *lines]))
        members.append({"name": "csv", "file": str(tmp_path / name / "list.csv"), "called": name})
    settings = MergedSettings.model_validate({"members": members, "test_corpus": "two"})
    manifest = scan(settings, tmp_path / "cache").manifest
    assert list(manifest.table["votes"]) == ["sad=2", "anger=2 sad=1", "", ""]
    assert manifest.votes is not None
    assert manifest.votes.counts.tolist() == [[0, 2], [2, 1], [0, 0], [0, 0]]
