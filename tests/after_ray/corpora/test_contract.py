"""How a copy of a corpus agrees with the official release: official, converted or altered, and why."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pandas as pd
import pytest

from after_ray.corpora._base import corpora as registry
from after_ray.corpora._base import open_source, scan
from after_ray.corpora._contract import Conformity, ListedContract, worst
from after_ray.corpora._folder import FolderCorpus
from after_ray.corpora._settings import (
    FOUR_CLASSES,
    CremadSettings,
    EmodbSettings,
    EmovdbSettings,
    FolderSettings,
    RavdessSettings,
    SaveeSettings,
    ShemoSettings,
)
from after_ray.errors import AlteredCorpus, UnknownUtterance
from after_ray.manifest import Manifest
from tests.after_ray.corpora.trees import plant

LISTED: tuple[type[FolderSettings], ...] = (
    EmodbSettings,
    RavdessSettings,
    ShemoSettings,
    EmovdbSettings,
    CremadSettings,
    SaveeSettings,
)
COUNTS = {
    "emodb": {"anger": 127, "neutral": 79, "sad": 62, "happy": 71},
    "ravdess": {"anger": 192, "neutral": 96, "sad": 192, "happy": 192},
    "shemo": {"anger": 1059, "neutral": 1028, "sad": 449, "happy": 201},
    "emovdb": {"anger": 1268, "neutral": 1568},
    "cremad": {"anger": 1271, "neutral": 1087, "sad": 1271, "happy": 1271},
    "savee": {"anger": 60, "neutral": 120, "sad": 60, "happy": 60},
}  # as published, see the sources of each corpus


def corpus(kind: type[FolderSettings], **changes: object) -> FolderCorpus:
    opened = open_source(kind.model_validate({"root": "nowhere", **changes}))
    assert isinstance(opened, FolderCorpus)
    return opened


def listed(found: FolderCorpus) -> ListedContract:
    assert isinstance(found.contract, ListedContract)
    return found.contract


def as_released(found: FolderCorpus) -> pd.DataFrame:
    """A manifest's table with every used utterance of the official release, none decoded."""
    name, labels = found.settings.name, found.settings.labels
    rows = [row for row in listed(found).utterances.values() if row.label in labels]
    return pd.DataFrame(
        {
            "utterance": [f"{name}/{row.utterance}" for row in rows],
            "path": [f"{row.utterance}.wav" for row in rows],
            "speaker": "s",
            "gender": "",
            "emotion": [labels[row.label] for row in rows],
            "sentence": "",
            "session": "",
            "seconds": [2.0 if row.seconds is None else row.seconds for row in rows],
            "sample_rate": [row.sample_rate or 44100 for row in rows],
            "audio": [row.utterance for row in rows],
        }
    )


def check(found: FolderCorpus, table: pd.DataFrame) -> Conformity:
    return found.conformity(Manifest(found.settings.name, table))


@pytest.fixture
def emodb() -> FolderCorpus:
    return corpus(EmodbSettings)


@pytest.mark.parametrize("kind", LISTED)
def test_the_official_release_is_official(kind: type[FolderSettings]) -> None:
    found = corpus(kind)
    assert check(found, as_released(found)) == Conformity("official")
    assert listed(found).counts(found.settings.labels) == COUNTS[found.settings.name]


@pytest.mark.parametrize("kind", LISTED)
def test_contracts_speak_of_the_labels_of_the_settings(kind: type[FolderSettings]) -> None:
    labels = {row.label for row in listed(corpus(kind)).utterances.values()}
    assert labels == set(kind.own_labels)


def test_every_corpus_with_a_contract_table_has_a_loader() -> None:
    import after_ray.corpora._contract as module

    tables = {file.stem for file in (Path(module.__file__).parent / "contracts").glob("*.csv")}
    assert tables == set(COUNTS)
    assert tables <= set(registry.names())


FLAC = {"path": lambda table: table["path"].str.replace(".wav", ".flac")}


@pytest.mark.parametrize(
    ("change", "clauses"),
    [
        (FLAC, ("339 utterances are flac",)),
        (
            {"sample_rate": lambda table: 8000},
            ("339 utterances have another sample rate (8000 instead of 16000 Hz)",),
        ),
        (
            {"sample_rate": lambda table: table["sample_rate"].where(table.index > 0, 22050)},
            ("1 utterance has another sample rate (22050 instead of 16000 Hz)",),
        ),
        (
            {**FLAC, "sample_rate": lambda table: [8000, *[44100] * (len(table) - 1)]},
            (
                "339 utterances are flac",
                "339 utterances have another sample rate (44100 instead of 16000 Hz, 8000 instead of 16000 "
                "Hz)",
            ),
        ),
    ],
)
def test_another_codec_or_rate_is_converted_and_said(
    emodb: FolderCorpus, change: dict[str, object], clauses: tuple[str, ...]
) -> None:
    assert check(emodb, as_released(emodb).assign(**change)) == Conformity("converted", clauses)


def test_the_case_of_a_suffix_is_no_conversion(emodb: FolderCorpus) -> None:
    upper = as_released(emodb).assign(path=lambda table: table["path"].str.upper())
    assert check(emodb, upper) == Conformity("official")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_length_that_is_0_9_ms_off_agrees(emodb: FolderCorpus, sign: int) -> None:
    table = as_released(emodb)
    table.loc[0, "seconds"] += sign * 0.0009
    assert check(emodb, table) == Conformity("official")


@pytest.mark.parametrize(("sign", "found"), [(1, "1.899"), (-1, "1.897")])
def test_a_length_that_is_1_2_ms_off_is_altered(emodb: FolderCorpus, sign: int, found: str) -> None:
    table = as_released(emodb)
    assert table.loc[0, "utterance"] == "emodb/03a01Fa"
    table.loc[0, "seconds"] += sign * 0.0012
    clause = f"1 utterance has another length (03a01Fa: {found} s instead of 1.898 s)"
    assert check(emodb, table) == Conformity("altered", (clause,))


def test_a_length_nobody_published_agrees_with_any() -> None:
    found = corpus(ShemoSettings)
    table = as_released(found)
    unknown = {f"shemo/{row.utterance}" for row in listed(found).utterances.values() if row.seconds is None}
    longer = table["seconds"].where(~table["utterance"].isin(unknown), 31.0)
    assert (longer == 31.0).sum() == 127
    assert check(found, table.assign(seconds=longer)) == Conformity("official")


def test_a_missing_utterance_is_named_and_counted(emodb: FolderCorpus) -> None:
    assert check(emodb, as_released(emodb)[1:]).differences == (
        "1 of 339 utterances is missing (03a01Fa)",
        "class happy has 70 instead of 71 utterances",
    )


def test_half_a_download_names_the_first_five(emodb: FolderCorpus) -> None:
    found = check(emodb, as_released(emodb)[170:])
    assert found.level == "altered"
    assert found.differences[0] == (
        "170 of 339 utterances are missing (03a01Fa, 03a01Nc, 03a01Wa, 03a02Fc, 03a02Nc and 165 more)"
    )


def test_another_class_is_altered(emodb: FolderCorpus) -> None:
    table = as_released(emodb)
    table.loc[0, "emotion"] = "sad"
    assert check(emodb, table) == Conformity(
        "altered",
        (
            "1 of 339 utterances is of another class (03a01Fa)",
            "class happy has 70 instead of 71 utterances",
            "class sad has 63 instead of 62 utterances",
        ),
    )


def test_two_swapped_classes_are_altered_though_the_counts_agree(emodb: FolderCorpus) -> None:
    table = as_released(emodb)
    happy, sad = (table.index[table["emotion"] == emotion][0] for emotion in ("happy", "sad"))
    table.loc[[happy, sad], "emotion"] = ["sad", "happy"]
    assert check(emodb, table).differences == ("2 of 339 utterances are of another class (03a01Fa, 03a02Ta)",)


def test_an_utterance_too_many_is_altered(emodb: FolderCorpus) -> None:
    table = as_released(emodb)
    more = pd.concat([table, table[:1].assign(utterance="emodb/03a01Fx")], ignore_index=True)
    assert check(emodb, more).differences == (
        "1 of 340 utterances is not in the official release (03a01Fx)",
        "class happy has 72 instead of 71 utterances",
    )


def test_what_a_study_excludes_is_not_missed(emodb: FolderCorpus) -> None:
    table = as_released(emodb)
    excluding = corpus(EmodbSettings, exclude=["03a01Fa"])
    assert check(excluding, table[1:]) == Conformity("official")
    assert check(excluding, table[2:]).differences == (
        "1 of 338 utterances is missing (03a01Nc)",
        "class neutral has 78 instead of 79 utterances",
    )
    assert check(excluding, table).level == "altered"  # excluded and there


def test_other_labels_are_expected_when_they_are_mapped() -> None:
    found = corpus(EmodbSettings, labels={**FOUR_CLASSES, "fear": "anger"})  # as the paper's Table 1 implies
    table = as_released(found)
    assert (len(table), (table["emotion"] == "anger").sum()) == (408, 196)
    assert check(found, table) == Conformity("official")
    assert (
        check(found, as_released(corpus(EmodbSettings)))
        .differences[0]
        .startswith("69 of 408 utterances are missing")
    )


def test_what_is_unusable_as_released_is_not_missed() -> None:
    found = corpus(CremadSettings)
    table = as_released(found)
    silent = table["utterance"] == "cremad/1076_MTI_SAD_XX"
    assert silent.sum() == 1
    assert check(found, table[~silent]) == Conformity("official")
    assert check(found, table[~silent][1:]).differences == (
        "1 of 4899 utterances is missing (1001_DFA_ANG_XX)",
        "class anger has 1270 instead of 1271 utterances",
    )


def test_excluding_what_the_corpus_does_not_have_is_refused(tmp_path: Path) -> None:
    plant(tmp_path, ["wav/03a01Fa.wav"])
    settings = EmodbSettings(root=str(tmp_path), exclude=("03a01Zz",))
    sentence = r"corpus 'emodb' names '03a01Zz' \(did you mean '03a01Fa'\?\); allowed: the 1 utterance with"
    with pytest.raises(UnknownUtterance, match=sentence):
        open_source(settings).listing()
    accepted = open_source(settings.model_copy(update={"altered": "accept"})).listing()
    assert accepted.notes == (
        "'exclude' names what is no used utterance: '03a01Zz' (did you mean '03a01Fa'?)",
    )
    assert (len(accepted.entries), accepted.excluded) == (1, ())


def test_a_merged_corpus_is_as_good_as_its_worst_member() -> None:
    converted = Conformity("converted", ("2 utterances are flac",))
    members = [Conformity("official"), converted, Conformity("altered", ("a",)), Conformity()]
    assert worst(dict(zip("wxyz", members, strict=True))) == Conformity("altered", ("y: a",))
    said = Conformity("converted", ("x: 2 utterances are flac",))
    assert worst({"w": members[0], "x": converted}) == said
    assert worst({"w": members[0], "z": members[3]}).level == "none"
    both = worst({"emodb": members[2], "savee": members[2]})
    assert both.differences == ("emodb: a", "savee: a")


@pytest.mark.parametrize("kind", [EmodbSettings, RavdessSettings])
def test_the_real_flac_is_converted(kind: type[FolderSettings], corpora: Path, tmp_path: Path) -> None:
    name = kind.model_fields["name"].default
    found = scan(kind(root=str(corpora / name)), tmp_path)
    assert found.conformity.level == "converted"
    assert found.conformity.differences[0] == f"{len(found.manifest)} utterances are flac"


def test_a_few_real_originals_are_refused_and_accepted_on_request(corpora: Path, tmp_path: Path) -> None:
    root = str(corpora / "originals" / "emodb")
    with pytest.raises(AlteredCorpus) as refused:
        scan(EmodbSettings(root=root), tmp_path)
    assert str(refused.value) == (
        "Corpus 'emodb' is not the official one: 333 of 339 utterances are missing (03a02Fc, 03a02Nc, "
        "03a02Wb, 03a02Wc, 03a04Fd and 328 more); class anger has 1 instead of 127 utterances; class happy "
        "has 1 instead of 71 utterances; class neutral has 2 instead of 79 utterances; class sad has 2 "
        "instead of 62 utterances. Fetch it again, or set 'altered: accept' in the block of corpus 'emodb' "
        "to use it as it is; every result will say so."
    )
    accepted = scan(EmodbSettings(root=root, altered="accept"), tmp_path)
    assert accepted.conformity.level == "altered"
    assert len(accepted.manifest) == 6


def test_the_real_originals_have_the_listed_lengths_and_rates(corpora: Path, tmp_path: Path) -> None:
    for kind in (EmodbSettings, RavdessSettings, CremadSettings):
        name = kind.model_fields["name"].default
        found = scan(kind(root=str(corpora / "originals" / name), altered="accept"), tmp_path)
        assert len(found.manifest) >= 4
        official = listed(corpus(kind)).utterances
        for row in found.manifest.table.itertuples():
            expected = official[PurePosixPath(row.path).stem]
            assert expected.seconds == pytest.approx(row.seconds, abs=0.00005)
            assert (expected.sample_rate, expected.label) == (row.sample_rate, row.emotion)
