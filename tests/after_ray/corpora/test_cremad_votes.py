"""CREMA-D's votes: the table of the release, in its form; whom it leaves out, and what stays official."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from after_ray.corpora._base import Listing, Scan, scan
from after_ray.corpora._contract import Conformity, ListedContract
from after_ray.corpora._settings import FOUR_CLASSES, CremadSettings
from after_ray.corpora.cremad import CANDIDATES, Cremad
from after_ray.errors import BadManifest, BadTable, MissingVotes, UnusableAudio
from after_ray.manifest import Manifest
from tests.after_ray.corpora.test_contract import as_released
from tests.after_ray.corpora.trees import plant

# The head and the first lines of the release's table, voice alone; and lines of it for the face and both.
HEAD = (
    '"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote","meanEmoResp",'
    '"meanAngerResp","meanDisgustResp","meanFearResp","meanHappyResp","meanNeutralResp","meanSadResp",'
    '"medianEmoResp","meanEmoRespNorm","meanAngerRespNorm","meanDisgustRespNorm","meanFearRespNorm",'
    '"meanHappyRespNorm","meanNeutralRespNorm","meanSadRespNorm","medianEmoRespNorm"'
)
REST = (
    "62,-1,-1,-1,42.6666666666667,71.6666666666667,-1,72,53.8161602678193,-1,-1,-1,NA,NA,-1,53.8461538461539"
)
# Name of the clip, and votes for A, D, F, H, N, S.
VOICE: dict[str, tuple[int, ...]] = {
    "1001_IEO_NEU_XX": (0, 0, 0, 1, 10, 0),
    "1001_IEO_HAP_HI": (2, 0, 0, 6, 2, 0),
    "1001_IEO_SAD_LO": (1, 1, 0, 0, 7, 1),
    "1001_IEO_ANG_MD": (5, 5, 0, 0, 1, 1),  # a tie
    "1001_IEO_ANG_HI": (2, 6, 0, 0, 1, 0),
    "1001_IEO_FEA_LO": (0, 0, 2, 3, 4, 1),
    "1001_ITH_FEA_XX": (0, 0, 9, 0, 0, 0),
    "1002_IWW_SAD_XX": (0, 0, 4, 0, 4, 1),  # a tie
    "1002_TSI_ANG_XX": (0, 5, 1, 0, 0, 0),  # nothing for any of the four
}
FACE = {name: (0, 0, 0, 0, 0, 9) for name in VOICE}
BOTH = {name: (3, 0, 0, 4, 0, 0) for name in VOICE}


def line(number: str, votes: Sequence[int], name: str) -> str:
    most = max(votes)
    winners = ":".join(letter for letter, count in zip(CANDIDATES, votes, strict=True) if count == most)
    each = ",".join(map(str, votes))
    return f'"{number}",{each},"{name}",{sum(votes)},{most / max(sum(votes), 1)!r},"{winners}",{REST}'


def lines(voice: Mapping[str, Sequence[int]], face: Mapping[str, Sequence[int]] = FACE) -> list[str]:
    tables = {"1": voice, "2": face, "3": BOTH}
    return [
        HEAD,
        *(
            line(f"{digit}{number:05}", votes, name)
            for digit, table in tables.items()
            for number, (name, votes) in enumerate(table.items(), start=1)
        ),
    ]


def write(root: Path, text: Sequence[str]) -> Path:
    file = root / "processedResults" / "tabulatedVotes.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(text) + "\n")
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    plant(tmp_path / "CREMA-D", [f"AudioWAV/{name}.wav" for name in VOICE])
    write(tmp_path / "CREMA-D", lines(VOICE))
    return tmp_path / "CREMA-D"


def settings(root: Path, **changes: Any) -> CremadSettings:
    return CremadSettings.model_validate(
        {"root": str(root), "altered": "accept", "votes": "voice", **changes}
    )


def listing(root: Path, **changes: Any) -> Listing:
    return Cremad(settings(root, **changes)).listing()


def scanned(root: Path, **changes: Any) -> Scan:
    return scan(settings(root, **changes), root.parent / "cache")


def judged(found: Listing) -> dict[str, tuple[str, str]]:
    return {entry.utterance.removeprefix("cremad/"): (entry.emotion, entry.votes) for entry in found.entries}


def test_votes_of_those_who_heard_the_voice_stand_beside_the_intended_emotion(root: Path) -> None:
    found = listing(root)
    assert judged(found) == {
        "1001_IEO_NEU_XX": ("neutral", "happy=1 neutral=10"),
        "1001_IEO_HAP_HI": ("happy", "anger=2 happy=6 neutral=2"),
        "1001_IEO_SAD_LO": ("sad", "anger=1 neutral=7 sad=1 / 10"),
        "1001_IEO_ANG_MD": ("anger", "anger=5 neutral=1 sad=1 / 12"),
        "1001_IEO_ANG_HI": ("anger", "anger=2 neutral=1 / 9"),
        "1002_IWW_SAD_XX": ("sad", "neutral=4 sad=1 / 9"),
    }
    assert found.problems == ()


def test_the_manifest_counts_them_by_class(root: Path) -> None:
    manifest = scanned(root).manifest
    assert manifest.classes == ("anger", "happy", "neutral", "sad")
    assert manifest.votes is not None
    assert dict(zip(manifest.table["utterance"], manifest.votes.counts.tolist(), strict=True)) == {
        "cremad/1001_IEO_NEU_XX": [0, 1, 10, 0],
        "cremad/1001_IEO_HAP_HI": [2, 6, 2, 0],
        "cremad/1001_IEO_SAD_LO": [1, 0, 7, 1],
        "cremad/1001_IEO_ANG_MD": [5, 0, 1, 1],
        "cremad/1001_IEO_ANG_HI": [2, 0, 1, 0],
        "cremad/1002_IWW_SAD_XX": [0, 0, 4, 1],
    }
    raters = [sum(VOICE[name.removeprefix("cremad/")]) for name in manifest.table["utterance"]]
    assert manifest.votes.asked.tolist() == raters, "who heard an unused emotion was asked all the same"


def test_without_asking_for_votes_nothing_is_read_and_nothing_changes(root: Path) -> None:
    write(root, ["no table at all"])
    found = scanned(root, votes="none")
    assert (found.manifest.votes, len(found.manifest)) == (None, 7)
    assert (found.ignored, found.unvoted) == ({"fear": 2}, ())


@pytest.mark.parametrize(
    ("votes", "expected"),
    [("face", "sad=9"), ("audiovisual", "anger=3 happy=4"), ("voice", "anger=2 neutral=1 / 9")],
)
def test_the_first_digit_of_a_clip_says_what_raters_had(root: Path, votes: str, expected: str) -> None:
    assert judged(listing(root, votes=votes))["1001_IEO_ANG_HI"] == ("anger", expected)


def test_an_utterance_without_a_vote_for_a_used_class_is_left_out_and_counted(root: Path) -> None:
    found = scanned(root)
    assert found.ignored == {"fear": 2, "no vote for a used class": 1}
    assert found.unvoted == ("1002_TSI_ANG_XX",)
    assert "cremad/1002_TSI_ANG_XX" not in set(found.manifest.table["utterance"])
    assert found.problems == ()


def test_two_labels_of_one_class_add_their_votes_up(root: Path) -> None:
    found = judged(listing(root, labels={"anger": "angry", "disgust": "angry", "happy": "happy"}))
    assert found == {
        "1001_IEO_HAP_HI": ("happy", "angry=2 happy=6 / 10"),
        "1001_IEO_ANG_MD": ("angry", "angry=10 / 12"),
        "1001_IEO_ANG_HI": ("angry", "angry=8 / 9"),
        "1002_TSI_ANG_XX": ("angry", "angry=5 / 6"),
    }


def test_a_label_by_votes_is_the_one_with_most_over_all_six(root: Path) -> None:
    found = listing(root, label_by="votes")
    assert {name: emotion for name, (emotion, _) in judged(found).items()} == {
        "1001_IEO_NEU_XX": "neutral",
        "1001_IEO_HAP_HI": "happy",
        "1001_IEO_SAD_LO": "neutral",
        "1001_IEO_FEA_LO": "neutral",  # although its actor meant fear
    }
    assert found.ignored == {"disgust": 2, "fear": 1, "no majority of votes": 2}
    assert (found.problems, found.unvoted) == ((), ())


def test_a_clip_of_no_votes_has_no_majority(root: Path) -> None:
    write(root, lines({**VOICE, "1001_IEO_NEU_XX": (0,) * 6}))
    assert listing(root, label_by="votes").ignored["no majority of votes"] == 3
    assert listing(root).unvoted == ("1001_IEO_NEU_XX", "1002_TSI_ANG_XX")


def test_votes_for_a_class_that_no_utterance_is_labelled_with_say_what_to_leave_out(root: Path) -> None:
    labels = {label: label for label in ("anger", "fear", "happy", "neutral", "sad")}
    changes = {"label_by": "votes", "exclude": ["1001_ITH_FEA_XX"]}
    with pytest.raises(BadManifest, match=r"votes for anger, fear, sad, which .* Leave anger, fear, sad out"):
        scanned(root, labels=labels, **changes)
    few = {label: label for label in ("happy", "neutral")}
    found = scanned(root, labels=few, **changes)  # as it says
    assert found.manifest.classes == ("happy", "neutral")


def test_a_label_by_votes_needs_votes() -> None:
    with pytest.raises(ValidationError, match=r"'label_by: votes' needs votes; add 'votes: voice' \(or face"):
        CremadSettings(root="x", label_by="votes")


@pytest.mark.parametrize("label_by", ["intended", "votes"])
def test_an_utterance_that_the_table_lacks_is_a_problem(root: Path, label_by: str) -> None:
    write(root, lines({name: votes for name, votes in VOICE.items() if name != "1001_IEO_ANG_HI"}))
    sentence = r"1001_IEO_ANG_HI\.wav: processedResults/tabulatedVotes\.csv has no votes of it \(voice\)"
    with pytest.raises(UnusableAudio, match=sentence):
        scanned(root, label_by=label_by)
    found = listing(root, label_by=label_by)
    assert [path for path, _ in found.problems] == ["AudioWAV/1001_IEO_ANG_HI.wav"]
    assert "1001_IEO_ANG_HI" not in judged(found)
    assert listing(root, label_by=label_by, exclude=["1001_IEO_ANG_HI"]).problems == ()
    assert listing(root, label_by=label_by, votes="face").problems == ()


def test_an_utterance_of_an_unused_emotion_needs_no_votes(root: Path) -> None:
    write(root, lines({name: votes for name, votes in VOICE.items() if "FEA" not in name}))
    assert listing(root).problems == ()
    assert len(listing(root, label_by="votes").problems) == 2


def test_an_excluded_utterance_is_not_counted_as_without_votes(root: Path) -> None:
    found = listing(root, exclude=["1002_TSI_ANG_XX"])
    assert (found.excluded, found.unvoted) == (("1002_TSI_ANG_XX",), ())
    assert "no vote for a used class" not in found.ignored


def test_the_name_that_circulating_copies_cut_is_found_in_the_table(root: Path) -> None:
    plant(root, ["AudioWAV/1040_ITH_SAD_X.wav"])
    for name in ("1040_ITH_SAD_XX", "1040_ITH_SAD_X"):
        write(root, lines({**VOICE, name: (0, 0, 0, 0, 2, 7)}))
        assert judged(listing(root))["1040_ITH_SAD_XX"] == ("sad", "neutral=2 sad=7")


def test_the_table_may_lie_below_a_folder_of_the_root(root: Path) -> None:
    assert judged(listing(root.parent)) == judged(listing(root))


def test_the_table_nearest_to_the_root_counts(root: Path) -> None:
    write(root / "AudioWAV" / "again", lines({}))
    assert len(listing(root).entries) == 6


def test_a_missing_table_is_one_sentence(root: Path) -> None:
    (root / "processedResults" / "tabulatedVotes.csv").unlink()
    with pytest.raises(MissingVotes) as refused:
        scanned(root)
    assert str(refused.value) == (
        f"Corpus 'cremad' has no votes in {root}; expected processedResults/tabulatedVotes.csv below it, as "
        "in the official release. Fetch it from there, or set 'votes: none' in the block of corpus 'cremad'."
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ([HEAD.replace('"D",', "").replace('"N",', "")], "lacks the columns D, N; it has "),
        (["version https://git-lfs.github.com/spec/v1", "oid sha256:00"], "lacks the columns fileName, A, D"),
        (
            [*lines(VOICE), line("100077", (1, 0, 0, 0, 0, 0), "1001_IEO_ANG_HI")],
            "1001_IEO_ANG_HI is in lines 6 and 29",
        ),
        (
            [HEAD, line("42", (1, 0, 0, 0, 0, 0), "1001_IEO_ANG_HI")],
            r"first column has not a number that begins with 1 \(voice\), 2 \(face\) or 3 \(audio-visual\) "
            "but '42' in line 2",
        ),
        (
            [lines(VOICE)[0], lines(VOICE)[1].replace(",10,", ",ten,")],
            "N is no number of votes: 'ten' in line 2",
        ),
        ([HEAD], "there is no row below its first line"),
    ],
)
def test_a_table_that_is_not_the_release_s_is_one_sentence(
    root: Path, text: list[str], sentence: str
) -> None:
    file = write(root, text)
    with pytest.raises(BadTable, match=f"^The CSV {file} cannot be used: .*{sentence}.*"):
        scanned(root)


# The whole corpus, by its official list, with made-up votes.


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vote table of all 7442: heard as meant, but every 7th as neutral, and every 50th is a tie."""
    root = tmp_path_factory.mktemp("cremad")
    labels = list(CANDIDATES.values())
    votes = {}
    for number, (name, row) in enumerate(ListedContract("cremad").utterances.items()):
        counts = [0] * 6
        if number % 50 == 0:
            counts[1] = counts[2] = 4
        else:
            counts[labels.index(row.label)] = 2
            counts[labels.index("neutral" if number % 7 == 0 else row.label)] += 6
        votes[name] = counts
    write(root, lines(votes))
    return root


def released(keep: Mapping[str, str]) -> Manifest:
    """All that stays, by name and class, with the official lengths and rates."""
    table = as_released(Cremad(settings(Path("x"), labels={name: name for name in CANDIDATES.values()})))
    emotions = table["utterance"].str.removeprefix("cremad/").map(dict(keep))
    return Manifest("cremad", table.assign(emotion=emotions)[emotions.notna()])


def kept(corpus: Cremad, by_votes: bool) -> dict[str, str]:
    """Class of every utterance that the four classes keep."""
    result = {}
    for name, row in ListedContract("cremad").utterances.items():
        votes = corpus.votes[name]
        most = [label for label, count in votes.items() if count == max(votes.values())]
        label = most[0] if by_votes else row.label
        if label in FOUR_CLASSES and len(most) == 1 and name != "1076_MTI_SAD_XX":
            result[name] = label
    return result


@pytest.mark.parametrize("label_by", ["intended", "votes"])
def test_what_votes_leave_out_leaves_the_rest_official(whole: Path, label_by: str) -> None:
    corpus = Cremad(settings(whole, label_by=label_by))
    stay = kept(corpus, label_by == "votes")
    manifest = released(stay)
    ties = [name for name, votes in corpus.votes.items() if votes["disgust"] == votes["fear"] == 4]
    unvoted = ties if label_by == "intended" else []
    assert len(manifest) == {"intended": 4802, "votes": 5159}[label_by]
    assert corpus.conformity(manifest, unvoted) == Conformity("official")
    fewer = Manifest("cremad", manifest.table[1:])
    found = corpus.conformity(fewer, unvoted)
    assert found.level == "altered"
    assert f"1 of {len(manifest)} utterances is missing" in found.differences[0]
    if unvoted:
        assert corpus.conformity(manifest).level == "altered"


def test_by_votes_classes_are_not_compared_with_a_list_that_has_none_of_them(whole: Path) -> None:
    by_votes, intended = (Cremad(settings(whole, label_by=by)).release() for by in ("votes", "intended"))
    assert by_votes.compared(FOUR_CLASSES, frozenset()) == ("names", "lengths")
    assert intended.compared(FOUR_CLASSES, frozenset()) == ("names", "classes", "lengths")
    assert intended.counts(FOUR_CLASSES).total() == 4900
    assert by_votes.counts(FOUR_CLASSES) == {
        name: sum(label == name for label in kept(Cremad(settings(whole)), True).values()) + (name == "sad")
        for name in FOUR_CLASSES
    }


def test_the_real_files_can_have_votes(corpora: Path, tmp_path: Path) -> None:
    for file in (corpora / "cremad" / "AudioWAV").iterdir():
        (tmp_path / "c" / "AudioWAV").mkdir(parents=True, exist_ok=True)
        (tmp_path / "c" / "AudioWAV" / file.name).symlink_to(file)
    names = [file.stem for file in (corpora / "cremad" / "AudioWAV").glob("*.flac")]
    write(tmp_path / "c", lines(dict.fromkeys(names, (1, 2, 3, 4, 5, 6))))
    found = scanned(tmp_path / "c").manifest
    assert found.votes is not None
    assert np.array_equal(found.votes.counts, [[1, 4, 5, 6]] * 7)
